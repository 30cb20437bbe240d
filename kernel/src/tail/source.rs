//! Where bytes of a log come from: a file, or what a compressed one holds.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Seek};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};

use flate2::bufread::MultiGzDecoder;

pub enum Source {
    Plain(File),
    Gzip(Box<Gzip>),
}

/// What tells whether a file is another one, or another than it was: device, number, size and when
/// it was modified, in nanoseconds.
pub type Identity = (u64, u64, u64, i64);

impl Source {
    /// Does not wait for whoever writes a pipe.
    pub fn open(path: &str, gzip: bool) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file"));
        }
        Ok(if gzip { Self::Gzip(Box::new(Gzip::new(file)?)) } else { Self::Plain(file) })
    }

    pub fn identity(&self) -> io::Result<Identity> {
        let metadata = match self {
            Self::Plain(file) => file.metadata()?,
            Self::Gzip(gzip) => gzip.file.metadata()?,
        };
        let modified = metadata.mtime().saturating_mul(1_000_000_000) + metadata.mtime_nsec();
        Ok((metadata.dev(), metadata.ino(), metadata.len(), modified))
    }

    /// How many bytes there are to read.
    pub fn size(&mut self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => Ok(file.metadata()?.len()),
            Self::Gzip(gzip) => {
                while gzip.decompress()? {
                    gzip.forget(u64::MAX);
                }
                Ok(gzip.start)
            }
        }
    }

    /// Fill the first `size` bytes of `buffer` from `offset` on; fewer at the end.
    pub fn read_at(&mut self, offset: u64, buffer: &mut Vec<u8>, size: usize) -> io::Result<usize> {
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        match self {
            Self::Plain(file) => read_at(file, offset, &mut buffer[..size]),
            Self::Gzip(gzip) => gzip.read_at(offset, &mut buffer[..size]),
        }
    }
}

fn read_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Bytes that are decompressed at once.
const STEP: usize = 64 * 1024;

/// A compressed file, by offsets into what it holds. It is read from its beginning on, again when
/// it has changed.
pub struct Gzip {
    file: File,
    decoder: MultiGzDecoder<BufReader<File>>,
    /// The size of the file that is being decompressed.
    size: u64,
    /// What has been decompressed and may be asked for again, and where it begins.
    kept: Vec<u8>,
    start: u64,
}

impl Gzip {
    fn new(file: File) -> io::Result<Self> {
        let decoder = decoder(&file)?;
        let size = file.metadata()?.len();
        Ok(Self { file, decoder, size, kept: Vec::new(), start: 0 })
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.file.metadata()?.len();
        if offset < self.start || size != self.size {
            self.decoder = decoder(&self.file)?;
            (self.size, self.start) = (size, 0);
            self.kept.clear();
        }
        let end = offset + buffer.len() as u64;
        while self.start + (self.kept.len() as u64) < end {
            if !self.decompress()? {
                break;
            }
            self.forget(offset);
        }
        self.forget(offset);
        if self.start < offset {
            return Ok(0);
        }
        let filled = self.kept.len().min(buffer.len());
        buffer[..filled].copy_from_slice(&self.kept[..filled]);
        Ok(filled)
    }

    fn forget(&mut self, offset: u64) {
        let known = self.kept.len() as u64;
        let old = offset.saturating_sub(self.start).min(known);
        self.kept.drain(..old as usize);
        self.start += old;
    }

    /// False at the end, or where no more has been written yet.
    fn decompress(&mut self) -> io::Result<bool> {
        let len = self.kept.len();
        self.kept.resize(len + STEP, 0);
        let read = self.decoder.read(&mut self.kept[len..]);
        self.kept.truncate(len + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(read) => Ok(read > 0),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }
}

fn decoder(file: &File) -> io::Result<MultiGzDecoder<BufReader<File>>> {
    let mut file = file.try_clone()?;
    file.rewind()?;
    Ok(MultiGzDecoder::new(BufReader::new(file)))
}
