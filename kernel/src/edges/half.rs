//! What is known of a call: one side of it, until the other comes.

/// The call that a span is a side of: the client's trace and span. Who takes a message that another
/// trace has sent is not the only one who may, so it says which one it is, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Key {
    pub trace: [u8; 16],
    pub span: [u8; 8],
    /// 0, but for a consumer that links to its producer.
    pub consumer: u64,
}

/// What kind of call it is, as `connection_type` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Connection {
    #[default]
    Direct,
    Messaging,
    Database,
    Virtual,
}

/// Who has told something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Client,
    Server,
}

/// A side that has been seen.
#[derive(Clone, Copy, Debug)]
pub struct End {
    pub side: u32,
    pub nanos: u64,
}

/// What one span says of a call.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub role: Role,
    pub end: End,
    pub connection: Connection,
    pub failed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Half {
    pub client: Option<End>,
    pub server: Option<End>,
    pub connection: Connection,
    pub failed: bool,
    /// A consumer that links to this producer has come.
    pub met: bool,
}

impl Half {
    /// Take note of a span; the side that it told of before, if any, is given back.
    pub fn note(&mut self, seen: Seen) -> Option<u32> {
        let end = match seen.role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        };
        self.connection = seen.connection;
        self.failed |= seen.failed;
        end.replace(seen.end).map(|before| before.side)
    }

    /// What the producer of a linked message says.
    pub fn note_producer(&mut self, producer: &Self) {
        self.client = producer.client;
        self.failed |= producer.failed;
    }

    pub fn is_whole(&self) -> bool {
        let known_alone = self.connection == Connection::Database && self.client.is_some();
        known_alone || self.client.is_some() && self.server.is_some()
    }

    pub fn sides(&self) -> impl Iterator<Item = u32> {
        [self.client, self.server].into_iter().flatten().map(|end| end.side)
    }
}
