//! A TCP relay on this machine between ssh and a board's sshd: it can go down, and counts bytes.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A relay. While it is down nothing passes and nobody is told, as with a cable pulled out.
pub struct TcpRelay {
    port: u16,
    down: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
}

impl TcpRelay {
    /// A relay to a port of this machine.
    pub fn to(port: u16) -> std::io::Result<TcpRelay> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port_here = listener.local_addr()?.port();
        let link = TcpRelay { port: port_here, down: Arc::default(), sent: Arc::default() };
        let (down, sent) = (Arc::clone(&link.down), Arc::clone(&link.sent));
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                relay(&near, &far, &down, Some(&sent));
                relay(&far, &near, &down, None);
            }
        });
        Ok(link)
    }

    /// Its port on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Bytes that went to the board, ssh's own included.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Down for so long.
    pub fn down_for(&self, span: Duration) {
        self.down.store(true, Ordering::Relaxed);
        std::thread::sleep(span);
        self.down.store(false, Ordering::Relaxed);
    }
}

/// Passes on what comes, in one direction, until one end closes; adds it up where that is asked.
fn relay(from: &TcpStream, to: &TcpStream, down: &Arc<AtomicBool>, sent: Option<&Arc<AtomicU64>>) {
    let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) else { return };
    let (down, sent) = (Arc::clone(down), sent.map(Arc::clone));
    std::thread::spawn(move || {
        let mut piece = [0; 1 << 14];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            while down.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(20));
            }
            if to.write_all(&piece[..count]).is_err() {
                break;
            }
            sent.iter().for_each(|sent| {
                sent.fetch_add(count as u64, Ordering::Relaxed);
            });
        }
        let _ = to.shutdown(std::net::Shutdown::Write);
    });
}
