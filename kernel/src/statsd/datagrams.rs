//! Datagrams: a thread for each socket reads many at once.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::Interest;
use tokio::net::{UdpSocket, UnixDatagram};
use tokio::sync::watch;

use super::Shared;
use super::fault::Fault;
use crate::intake::listener::{SocketFile, remove_stale, resolve};
use crate::lock::lock;
use crate::memory::{DATAGRAMS, receive_datagrams};

/// The largest datagram that is read: UDP has none that is larger.
const LARGEST: usize = 1 << 16;

/// Datagrams in a row after which the next ones are read at once: with fewer, they can gather.
const MANY: usize = 4 * DATAGRAMS;

/// Datagrams that are read before anybody looks whether to stop: in a flood there are always more.
const MOST: usize = 256 * DATAGRAMS;

/// The longest time that datagrams gather, so that many are read for one time of waking up.
const GATHERING: Duration = Duration::from_millis(5);

/// What a short datagram takes of a socket's buffer.
const SHORT: usize = 768;

/// How fast datagrams may come while they gather.
const FASTEST: u32 = 1_000_000;

/// How long datagrams may gather in a buffer of so many bytes, if it is worth it.
fn gathering(buffer: usize) -> Option<Duration> {
    let fills = Duration::from_secs((buffer / SHORT) as u64) / FASTEST;
    (fills >= Duration::from_millis(1)).then(|| fills.min(GATHERING))
}

/// A socket that datagrams come to.
pub struct Datagrams {
    pub socket: Socket,
    file: Option<SocketFile>,
}

/// Sockets that share an address, and its port. The system takes less for a buffer if it allows less.
pub fn udp(
    host: &str,
    port: u16,
    family: u8,
    count: usize,
    buffer: usize,
) -> io::Result<(Vec<Datagrams>, u16)> {
    let mut address = resolve(host, port, family)?;
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
        if address.is_ipv6() {
            socket.set_only_v6(family == 6 || !address.ip().is_unspecified())?;
        }
        if count > 1 {
            socket.set_reuse_port(true)?;
        }
        prepare(&socket, buffer)?;
        socket.bind(&address.into())?;
        let bound: Option<SocketAddr> = socket.local_addr()?.as_socket();
        address.set_port(bound.map_or(port, |bound| bound.port()));
        sockets.push(Datagrams { socket, file: None });
    }
    Ok((sockets, address.port()))
}

/// A socket at a path that only users with these permissions may send to.
pub fn unix(path: &Path, permissions: u32, buffer: usize) -> io::Result<Datagrams> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
    prepare(&socket, buffer)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = Some(SocketFile::of(path)?);
    fs::set_permissions(path, fs::Permissions::from_mode(permissions))?;
    Ok(Datagrams { socket, file })
}

fn prepare(socket: &Socket, buffer: usize) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    if buffer > 0 {
        socket.set_recv_buffer_size(buffer)?;
    }
    Ok(())
}

impl Datagrams {
    /// Read until `stop` changes, and then what there is.
    pub async fn serve(
        self,
        shared: Arc<Shared>,
        mut stop: watch::Receiver<bool>,
    ) -> io::Result<()> {
        let Self { socket, file } = self;
        let gathering = gathering(socket.recv_buffer_size()?);
        let socket = match file {
            None => Open::Udp(UdpSocket::from_std(socket.into())?),
            Some(file) => Open::Unix(UnixDatagram::from_std(socket.into())?, file),
        };
        let mut reader = Reader::new(shared);
        loop {
            tokio::select! {
                ready = socket.readable() => ready?,
                _ = stop.changed() => break,
            }
            if reader.read_all(&socket, true) < MANY
                && let Some(gathering) = gathering
            {
                // The thread itself, or each datagram would wake it up.
                thread::sleep(gathering);
            }
        }
        reader.read_all(&socket, false);
        Ok(())
    }
}

/// A socket that is read.
enum Open {
    Udp(UdpSocket),
    Unix(UnixDatagram, #[allow(dead_code)] SocketFile), // removed when dropped
}

impl Open {
    async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.readable().await,
            Self::Unix(socket, _) => socket.readable().await,
        }
    }

    /// Unless it is `ready` as far as the runtime knows, the system is asked.
    fn receive(
        &self,
        ready: bool,
        buffers: &mut [u8],
        received: &mut Vec<(usize, bool)>,
    ) -> io::Result<()> {
        const READABLE: Interest = Interest::READABLE;
        let fd = match self {
            Self::Udp(socket) => socket.as_fd(),
            Self::Unix(socket, _) => socket.as_fd(),
        };
        let mut read = || receive_datagrams(&fd, buffers, LARGEST, received);
        match self {
            _ if !ready => read(),
            Self::Udp(socket) => socket.try_io(READABLE, read),
            Self::Unix(socket, _) => socket.try_io(READABLE, read),
        }
    }
}

struct Reader {
    shared: Arc<Shared>,
    buffers: Vec<u8>,
    received: Vec<(usize, bool)>,
}

impl Reader {
    fn new(shared: Arc<Shared>) -> Self {
        let received = Vec::with_capacity(DATAGRAMS);
        Self { shared, buffers: vec![0; DATAGRAMS * LARGEST], received }
    }

    /// Read until there is nothing more, or much was, and say how many there were.
    fn read_all(&mut self, socket: &Open, ready: bool) -> usize {
        let mut read = 0;
        // What fails is that there are none; anything else says so again.
        while read < MOST && socket.receive(ready, &mut self.buffers, &mut self.received).is_ok() {
            read += self.received.len();
            self.take();
        }
        read
    }

    fn take(&self) {
        let now = super::now();
        let mut window = lock(&self.shared.window);
        for (buffer, (len, cut)) in self.buffers.chunks_exact(LARGEST).zip(&self.received) {
            let whole = &buffer[..*len];
            window.counts.datagrams += 1;
            let lines = if *cut { window.without_last(whole, Fault::Truncated) } else { whole };
            window.lines(lines, now);
        }
    }
}
