//! Where connections come from: TCP and unix sockets.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net as unix;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// A socket that is bound and takes connections, though nobody accepts them yet.
pub enum Bound {
    Tcp(std::net::TcpListener),
    Unix(unix::UnixListener, SocketFile),
}

impl Bound {
    /// Listen on an address. An empty host means every interface; `family` is 4, 6 or 0 for both.
    pub fn tcp(host: &str, port: u16, family: u8) -> io::Result<(Self, u16)> {
        let address = resolve(host, port, family)?;
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            socket.set_only_v6(family == 6 || !address.ip().is_unspecified())?;
        }
        let listener: std::net::TcpListener = listen(socket, &address.into(), || Ok(()))?.into();
        let port = listener.local_addr()?.port();
        Ok((Self::Tcp(listener), port))
    }

    /// Listen on a path that only users with these permissions may connect to. What a server that is
    /// no more has left there is replaced.
    pub fn unix(path: &Path, permissions: u32) -> io::Result<Self> {
        remove_stale(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Nobody can connect before the socket listens, and by then it has its permissions.
        let restrict = || fs::set_permissions(path, fs::Permissions::from_mode(permissions));
        let listener = listen(socket, &SockAddr::unix(path)?, restrict)?.into();
        Ok(Self::Unix(listener, SocketFile::of(path)?))
    }

    /// Begin to accept; must be called where tokio runs.
    pub fn open(self) -> io::Result<Listener> {
        Ok(match self {
            Self::Tcp(listener) => Listener::Tcp(TcpListener::from_std(listener)?),
            Self::Unix(listener, file) => Listener::Unix(UnixListener::from_std(listener)?, file),
        })
    }
}

fn listen(
    socket: Socket,
    address: &SockAddr,
    before: impl FnOnce() -> io::Result<()>,
) -> io::Result<Socket> {
    socket.bind(address)?;
    before()?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The address of a host, which may be empty, and a port; `family` is 4, 6 or 0 for both.
pub fn resolve(host: &str, port: u16, family: u8) -> io::Result<SocketAddr> {
    if host.is_empty() && family == 4 {
        return Ok(SocketAddr::from(([0u8; 4], port)));
    }
    if host.is_empty() {
        return Ok(SocketAddr::from(([0u16; 8], port)));
    }
    let mut found: Vec<_> = (host, port).to_socket_addrs()?.collect();
    // Like Go's `net.Listen`, a name with addresses of both families means the IPv4 one.
    found.sort_by_key(SocketAddr::is_ipv6);
    let fits = |address: &&SocketAddr| family == 0 || (family == 6) == address.is_ipv6();
    let address = found.iter().find(fits);
    address.copied().ok_or_else(|| io::Error::other("the host name has no such address"))
}

/// Remove the socket of a server that is no more. Anything else stays, and is in the way.
pub fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if is_socket
        && let Err(error) = unix::UnixStream::connect(path)
        && error.kind() == io::ErrorKind::ConnectionRefused
    {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// The path of a socket of ours, which goes when we stop listening.
pub struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl SocketFile {
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.into(), identity: identity(path)? })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Another server may have put its own there.
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, #[allow(dead_code)] SocketFile), // removed when dropped
}

impl Listener {
    pub async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Answers are small and somebody waits for them.
                let _ = stream.set_nodelay(true);
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener, _) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// The address at the other end, one of IPv4 as such whatever we listen on.
    pub fn peer(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(stream) => Some(stream.peer_addr().ok()?.ip().to_canonical()),
            Self::Unix(_) => None,
        }
    }
}

macro_rules! either {
    ($stream:expr, $call:ident $arguments:tt) => {
        match $stream.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).$call $arguments,
            Stream::Unix(stream) => Pin::new(stream).$call $arguments,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(self, poll_read(cx, into))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, poll_write(cx, data))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, poll_shutdown(cx))
    }
}
