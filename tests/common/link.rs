//! A link that can be pulled out: a relay on this machine between ssh and a board's sshd.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A relay. While it is down nothing passes and nobody is told, as with a cable pulled out.
pub struct Link {
    port: u16,
    down: Arc<AtomicBool>,
}

impl Link {
    /// A relay to a port of this machine.
    pub fn to(port: u16) -> std::io::Result<Link> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let link = Link { port: listener.local_addr()?.port(), down: Arc::default() };
        let down = Arc::clone(&link.down);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                relay(&near, &far, &down);
                relay(&far, &near, &down);
            }
        });
        Ok(link)
    }

    /// Where it is reached.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Down for so long.
    pub fn down_for(&self, span: Duration) {
        self.down.store(true, Ordering::Relaxed);
        std::thread::sleep(span);
        self.down.store(false, Ordering::Relaxed);
    }
}

/// Passes on what comes, in one direction, until one end closes.
fn relay(from: &TcpStream, to: &TcpStream, down: &Arc<AtomicBool>) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
    let down = Arc::clone(down);
    std::thread::spawn(move || {
        let mut piece = [0; 1 << 14];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            while down.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
            }
            if to.write_all(&piece[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}
