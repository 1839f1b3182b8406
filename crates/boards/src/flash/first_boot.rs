//! The first boot of a board, as the files that its system reads.

use super::FlashError;
use paring_core::schema::Sha256Hex;
use serde_json::json;

/// The script and the files beside it, by one name on every system.
pub(super) const FOLDER: &str = "paring";

/// The script of the first boot, for any Linux with a POSIX shell. The values between `@` are
/// checked to need no quoting.
const SCRIPT: &str = r#"#!/bin/sh
# Made by paring: makes this board reachable and puts its agent in place. Runs as root, may run again.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
user='@USER@' name='@NAME@' agent='@AGENT@'

if ! grep -q "^$user:" /etc/passwd; then
    if command -v useradd >/dev/null; then useradd --create-home --shell /bin/bash "$user"
    else adduser -D "$user"; fi
fi
for group in video render gpio i2c; do
    if grep -q "^$group:" /etc/group && command -v usermod >/dev/null; then usermod -aG "$group" "$user"; fi
done
if [ -d /etc/sudoers.d ] && [ "$user" != root ]; then
    echo "$user ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/010_paring
    chmod 440 /etc/sudoers.d/010_paring
fi

home=$(awk -F: -v user="$user" '$1 == user { print $6 }' /etc/passwd)
group=$(id -g "$user")
mkdir -p "$home/.ssh"
cat "$here/authorized_keys" >>"$home/.ssh/authorized_keys"
sort -u -o "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys"
chmod 700 "$home/.ssh"
chmod 600 "$home/.ssh/authorized_keys"
chown -R "$user:$group" "$home/.ssh"

# Folder by folder: what is above the agent belongs to the user too.
folder="$home"
for part in $(dirname "$agent" | tr / ' '); do
    folder="$folder/$part"
    mkdir -p "$folder"
    chown "$user:$group" "$folder"
done
cp "$here/paring-agent" "$home/$agent.new"
chmod 755 "$home/$agent.new"
chown "$user:$group" "$home/$agent.new"
mv "$home/$agent.new" "$home/$agent"

echo "$name" >/etc/hostname
hostname "$name"
if [ -f /etc/hosts ]; then
    grep -v '^127\.0\.1\.1' /etc/hosts >/etc/hosts.new || true
    echo "127.0.1.1 $name" >>/etc/hosts.new
    cat /etc/hosts.new >/etc/hosts
    rm /etc/hosts.new
fi

networks=/etc/NetworkManager/system-connections
if [ -f "$here/wireless.nmconnection" ] && [ -d "$networks" ]; then
    cp "$here/wireless.nmconnection" "$networks/paring.nmconnection"
    chmod 600 "$networks/paring.nmconnection"
    rm "$here/wireless.nmconnection"
    if command -v raspi-config >/dev/null; then raspi-config nonint do_wifi_country "$(cat "$here/country")"; fi
    if command -v rfkill >/dev/null; then rfkill unblock wifi; fi
    if command -v nmcli >/dev/null; then nmcli connection reload || true; fi
fi
if command -v systemctl >/dev/null; then systemctl enable --now ssh; fi
"#;

/// A board's settings after its first boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstBootConfig {
    /// Its name in the network.
    pub host_name: String,
    /// The user that paring logs in as; made where there is none.
    pub user: String,
    /// Lines for that user's `authorized_keys`.
    pub keys: String,
    /// A wireless network to join.
    pub wireless: Option<WirelessNetwork>,
    /// The agent's path below the user's home.
    pub agent_path: String,
    /// The agent.
    pub agent: Vec<u8>,
}

/// A wireless network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WirelessNetwork {
    /// Its name.
    pub name: String,
    /// Its pass phrase.
    pub password: String,
    /// The country whose rules of radio apply, two letters.
    pub country: String,
}

impl FirstBootConfig {
    /// Refuses values that the systems' files cannot hold.
    ///
    /// # Errors
    /// [`FlashError::InvalidValue`] names it.
    pub fn check(&self) -> Result<(), FlashError> {
        let bad = |what, value: &str, problem| {
            Err(FlashError::InvalidValue { what, value: value.to_string(), problem })
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let host = &self.host_name;
        if host.is_empty() || host.len() > 63 || !host.chars().all(plain) || host.starts_with('-') {
            return bad("host name", host, "must be 1 to 63 letters, digits and `-`");
        }
        let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        let user = &self.user;
        let starts = user.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        if !starts || user.len() > 32 || !user.chars().all(lower) {
            return bad("user", user, "must be 1 to 32 small letters, digits, `-` and `_`");
        }
        let key = |line: &str| {
            line.starts_with("ssh-") || line.starts_with("ecdsa-") || line.starts_with("sk-")
        };
        if self.keys.contains("PRIVATE KEY") {
            return bad("public key", "…", "is a private key; give the file that ends in .pub");
        }
        let lines = || {
            let lines = self.keys.lines().map(str::trim);
            lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
        };
        let odd = lines().find(|line| !key(line) || line.contains(char::is_control));
        if let Some(odd) = odd.or_else(|| lines().next().is_none().then_some("")) {
            return bad("public key", odd, "is not a line of an OpenSSH public key file");
        }
        let folders = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
        let upwards = self.agent_path.split('/').any(|part| part == "..");
        let outside = self.agent_path.starts_with('/') || upwards;
        if outside || !self.agent_path.chars().all(folders) {
            let problem =
                "must lie below the home folder, of letters, digits, `.`, `_`, `-` and `/`";
            return bad("the agent's path", &self.agent_path, problem);
        }
        let Some(wireless) = &self.wireless else { return Ok(()) };
        if wireless.name.is_empty() || wireless.name.len() > 32 {
            return bad("wireless network", &wireless.name, "must have 1 to 32 bytes");
        }
        // A line break would begin another key of the network's file.
        let printable = wireless.password.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        if !(8..=63).contains(&wireless.password.len()) || !printable {
            let problem = "must have 8 to 63 printable ASCII characters on one line";
            return bad("pass phrase", "…", problem);
        }
        if wireless.country.len() != 2 || !wireless.country.chars().all(|c| c.is_ascii_uppercase())
        {
            return bad("country", &wireless.country, "must be two capital letters, `DE` say");
        }
        Ok(())
    }

    /// The script that does it all, for any Linux with a POSIX shell; `here` holds what lies beside it.
    pub(super) fn script(&self) -> String {
        SCRIPT
            .replace("@USER@", &self.user)
            .replace("@NAME@", &self.host_name)
            .replace("@AGENT@", &self.agent_path)
    }

    /// The script and the files beside it: name and content.
    pub(super) fn script_and_files(&self, network_manager: bool) -> Vec<(String, Vec<u8>)> {
        let keys: Vec<&str> = self.keys.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        let mut files = vec![
            ("first-boot.sh".to_string(), self.script().into_bytes()),
            ("authorized_keys".to_string(), (keys.join("\n") + "\n").into_bytes()),
            ("paring-agent".to_string(), self.agent.clone()),
        ];
        if let Some(wireless) = self.wireless.as_ref().filter(|_| network_manager) {
            files.push(("wireless.nmconnection".into(), wireless.keyfile().into_bytes()));
            files.push(("country".into(), wireless.country.clone().into_bytes()));
        }
        files
    }

    /// cloud-init's `user-data`.
    pub(super) fn user_data(&self) -> String {
        // JSON is YAML, and its strings hold anything.
        let data = json!({
            "hostname": self.host_name,
            "runcmd": [["sh", format!("/boot/firmware/{FOLDER}/first-boot.sh")]],
        });
        format!("#cloud-config\n{data:#}\n")
    }

    /// cloud-init's `meta-data`: a new instance where anything changed, so that it runs again.
    pub(super) fn meta_data(&self) -> String {
        let parts = [self.script().into_bytes(), self.keys.clone().into_bytes()];
        let id = Sha256Hex::of_parts(parts.iter().map(Vec::as_slice));
        format!("instance-id: paring-{}\ndsmode: local\n", id.short())
    }

    /// cloud-init's `network-config`, in netplan's terms.
    pub(super) fn network_config(&self) -> String {
        let mut data = json!({
            "version": 2,
            "ethernets": { "eth0": { "dhcp4": true, "optional": true } },
        });
        if let Some(wireless) = &self.wireless {
            data["wifis"] = json!({ "wlan0": {
                "dhcp4": true, "optional": true, "regulatory-domain": wireless.country,
                "access-points": { (wireless.name.as_str()): { "password": wireless.password } },
            }});
        }
        format!("{data:#}\n")
    }
}

impl WirelessNetwork {
    /// NetworkManager's file of a connection.
    fn keyfile(&self) -> String {
        // As numbers a name needs no escapes.
        let name: String = self.name.bytes().map(|byte| format!("{byte};")).collect();
        let password = self.password.replace('\\', "\\\\").replace(' ', "\\s");
        format!(
            "[connection]\nid=paring\ntype=wifi\n\n[wifi]\nmode=infrastructure\nssid={name}\n\n\
             [wifi-security]\nkey-mgmt=wpa-psk\npsk={password}\n\n\
             [ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> FirstBootConfig {
        FirstBootConfig {
            host_name: "pi5-desk".into(),
            user: "paring".into(),
            keys: "ssh-ed25519 AAAA me@desk\n".into(),
            wireless: None,
            agent_path: ".paring/bin/paring-agent".into(),
            agent: b"agent".to_vec(),
        }
    }

    #[track_caller]
    fn refused(change: impl Fn(&mut FirstBootConfig), expected: &str) {
        let mut boot = plain();
        change(&mut boot);
        assert_eq!(boot.check().unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_a_script_cannot_hold_is_refused() {
        assert!(plain().check().is_ok());
        refused(
            |b| b.host_name = "pi'; reboot".into(),
            "host name `pi'; reboot` must be 1 to 63 letters, digits and `-`",
        );
        refused(
            |b| b.user = "$(id)".into(),
            "user `$(id)` must be 1 to 32 small letters, digits, `-` and `_`",
        );
        refused(
            |b| b.keys = "-----BEGIN OPENSSH PRIVATE KEY-----".into(),
            "public key `…` is a private key; give the file that ends in .pub",
        );
        refused(
            |b| b.keys += "* * * * * root reboot\n",
            "public key `* * * * * root reboot` is not a line of an OpenSSH public key file",
        );
        refused(
            |b| b.agent_path = "../../etc/agent".into(),
            "the agent's path `../../etc/agent` must lie below the home folder, of letters, digits, `.`, `_`, `-` and `/`",
        );
    }

    #[test]
    fn a_pass_phrase_is_one_line() {
        for password in ["long enough\nmethod=evil", "long enough\r", "tab\tin it", "größer als 8"]
        {
            let wireless = WirelessNetwork {
                name: "lab".into(),
                password: password.into(),
                country: "DE".into(),
            };
            let boot = FirstBootConfig { wireless: Some(wireless), ..plain() };
            let message = boot.check().unwrap_err().to_string();
            assert!(message.contains("printable ASCII characters on one line"), "{message}");
            assert!(!message.contains("long enough"), "the phrase is a secret: {message}");
        }
    }

    #[test]
    fn names_of_networks_hold_anything() {
        let wireless = WirelessNetwork {
            name: "a;\"b\n".into(),
            password: r"pass \word".into(),
            country: "DE".into(),
        };
        let keyfile = wireless.keyfile();
        assert!(keyfile.contains("ssid=97;59;34;98;10;\n"), "{keyfile}");
        assert!(keyfile.contains("psk=pass\\s\\\\word\n"), "{keyfile}");
        let boot = FirstBootConfig { wireless: Some(wireless), ..plain() };
        let parsed: serde_json::Value = serde_json::from_str(&boot.network_config()).unwrap();
        let points = parsed["wifis"]["wlan0"]["access-points"].as_object().unwrap();
        assert_eq!(points.keys().next().unwrap(), "a;\"b\n");
    }
}
