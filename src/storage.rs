//! An S3-compatible store of recordings: sent there, seen whole there, brought back from there.
//!
//! Where it stands: the thread that ships recordings and the command line have one each. What is shipped, and may go from
//! here, is written in the archive's chain; this knows but how one file gets there and whether it is the one that was
//! recorded. It waits for the network, so nobody who must not wait may call it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path as FilePath;
use std::time::Duration;

use futures_util::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStoreExt, PutPayload, RetryConfig};
use recorder::{Entry, Hash};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use crate::conf::StorageConf;

/// Why something is not in the store, or not here.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The conf does not lead to a store.
    #[error("[storage] leads to no store: {why}")]
    Conf {
        /// What is wrong.
        why: String,
    },
    /// A file here cannot be read or written.
    #[error("{file}: {why}")]
    Local {
        /// Which.
        file: String,
        /// What the system said.
        why: io::Error,
    },
    /// What lies here is not what was recorded: it is not sent.
    #[error("{file} is not what the manifest says; `centrala recordings verify` tells more")]
    Changed {
        /// Which.
        file: String,
    },
    /// The store refuses, or does not answer.
    #[error("the store has not taken or given {key}: {why}")]
    Store {
        /// What.
        key: String,
        /// What it said.
        why: object_store::Error,
    },
    /// What lies there is not what was sent.
    #[error("{key} is not in the store as it was recorded")]
    Differs {
        /// What.
        key: String,
    },
}

/// A store.
pub struct Storage {
    store: AmazonS3,
    prefix: Path,
    url: String,
    runtime: Runtime,
}

/// Longer files go in pieces.
const PIECE_BYTES: usize = 8 << 20;
const ANSWER: Duration = Duration::from_secs(300);
const CONNECT: Duration = Duration::from_secs(10);

impl Storage {
    /// The store the conf names. Nothing is asked of it yet.
    ///
    /// # Errors
    /// When that is none.
    pub fn open(conf: &StorageConf) -> Result<Storage, StorageError> {
        let wrong = |why: String| StorageError::Conf { why };
        let (bucket, prefix) = conf.place().ok_or_else(|| wrong(format!("{:?} is no place", conf.url.get_ref())))?;
        let options = ClientOptions::new().with_timeout(ANSWER).with_connect_timeout(CONNECT).with_allow_http(true);
        // Whoever asks tries again later: here only what a short break costs.
        let retry = RetryConfig { max_retries: 2, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .with_client_options(options)
            .with_retry(retry)
            .with_checksum_algorithm(Checksum::SHA256); // the store compares what comes, too
        builder = builder.with_region(conf.region.as_deref().unwrap_or("us-east-1"));
        if let Some(endpoint) = &conf.endpoint {
            builder = builder.with_endpoint(endpoint.get_ref());
        }
        if let (Some(access_key), Some(secret_key)) = (&conf.access_key, &conf.secret_key) {
            builder = builder.with_access_key_id(access_key).with_secret_access_key(secret_key);
        }
        let store = builder.build().map_err(|why| wrong(why.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Storage {
            store,
            prefix: Path::from(prefix),
            url: conf.url.get_ref().trim_end_matches('/').to_owned(),
            runtime: runtime.map_err(|why| wrong(why.to_string()))?,
        })
    }

    /// What a file of the archive is called there, for people.
    pub fn url_of(&self, file: &str) -> String {
        format!("{}/{file}", self.url)
    }

    /// Sends a recording's sound and sidecar, and sees that they have come whole. `seen` is told of the bytes sent.
    ///
    /// # Errors
    /// When it is not what was recorded, or the store does not have it in the end.
    pub fn ship(&self, folder: &FilePath, entry: &Entry, seen: impl FnMut(u64)) -> Result<(), StorageError> {
        let sent = self.send(folder, &entry.file, seen)?;
        if sent != entry.sha256 {
            let _ = self.delete(&entry.file);
            return Err(StorageError::Changed { file: entry.file.clone() });
        }
        self.has(&entry.file, sent)?;
        self.ship_file(folder, &sidecar_of(&entry.file))
    }

    /// Sends one file as it is, and sees that it has come whole.
    ///
    /// # Errors
    /// When the store does not have it in the end.
    pub fn ship_file(&self, folder: &FilePath, file: &str) -> Result<(), StorageError> {
        let sent = self.send(folder, file, |_| {})?;
        self.has(file, sent)
    }

    /// Sends a file if the store has none of its name and length.
    ///
    /// # Errors
    /// When the store does not have it in the end.
    pub fn ship_if_new(&self, folder: &FilePath, file: &str) -> Result<bool, StorageError> {
        let length = folder.join(file).metadata().map_err(|why| local(file, why))?.len();
        let there = self.runtime.block_on(self.store.head(&self.key(file)));
        match there {
            Ok(there) if there.size == length => Ok(false),
            Ok(_) | Err(object_store::Error::NotFound { .. }) => self.ship_file(folder, file).map(|()| true),
            Err(why) => Err(refused(file, why)),
        }
    }

    /// Reads a file in the store to its end: is it this one?
    ///
    /// # Errors
    /// When it is not, or cannot be read.
    pub fn has(&self, file: &str, sha256: Hash) -> Result<(), StorageError> {
        let read = self.receive(file, &mut io::sink())?;
        if read == sha256 { Ok(()) } else { Err(StorageError::Differs { key: self.url_of(file) }) }
    }

    /// Brings the sound of a recording back: a neighbour first, named when it is whole.
    ///
    /// # Errors
    /// When it is not the one that was recorded, or cannot be had.
    pub fn fetch(&self, folder: &FilePath, entry: &Entry) -> Result<(), StorageError> {
        let sound = folder.join(&entry.file);
        let mut neighbour = sound.as_os_str().to_owned();
        neighbour.push(".tmp");
        let at = |why| local(&entry.file, why);
        let mut file = File::create(&neighbour).map_err(at)?;
        let read = self.receive(&entry.file, &mut file);
        let kept = file.sync_all();
        match read {
            Ok(read) if read == entry.sha256 => kept.and_then(|()| std::fs::rename(&neighbour, &sound)).map_err(at),
            other => {
                let _ = std::fs::remove_file(&neighbour); // half a sound is none
                other.and_then(|_| Err(StorageError::Differs { key: self.url_of(&entry.file) }))
            }
        }
    }

    /// Takes a recording out of the store: sound and sidecar. What is not there is well so.
    ///
    /// # Errors
    /// When the store refuses.
    pub fn erase(&self, file: &str) -> Result<(), StorageError> {
        self.delete(file)?;
        self.delete(&sidecar_of(file))
    }

    fn delete(&self, file: &str) -> Result<(), StorageError> {
        match self.runtime.block_on(self.store.delete(&self.key(file))) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(why) => Err(refused(file, why)),
        }
    }

    /// Returns the hash of what was sent.
    fn send(&self, folder: &FilePath, file: &str, mut seen: impl FnMut(u64)) -> Result<Hash, StorageError> {
        let mut sound = File::open(folder.join(file)).map_err(|why| local(file, why))?;
        let mut sum = Sha256::new();
        let mut piece = read_piece(&mut sound).map_err(|why| local(file, why))?;
        sum.update(&piece);
        let key = self.key(file);
        if piece.len() < PIECE_BYTES {
            seen(piece.len() as u64);
            let put = self.runtime.block_on(self.store.put(&key, PutPayload::from(piece)));
            return put.map(|_| hash(sum)).map_err(|why| refused(file, why));
        }
        let mut upload = self.runtime.block_on(self.store.put_multipart(&key)).map_err(|why| refused(file, why))?;
        let sent = loop {
            seen(piece.len() as u64);
            if let Err(why) = self.runtime.block_on(upload.put_part(PutPayload::from(piece))) {
                break Err(refused(file, why));
            }
            match read_piece(&mut sound) {
                Ok(next) if next.is_empty() => break Ok(()),
                Ok(next) => {
                    sum.update(&next);
                    piece = next;
                }
                Err(why) => break Err(local(file, why)),
            }
        };
        match sent {
            Ok(()) => {
                let done = self.runtime.block_on(upload.complete());
                done.map(|_| hash(sum)).map_err(|why| refused(file, why))
            }
            Err(why) => {
                let _ = self.runtime.block_on(upload.abort()); // its pieces would be paid for
                Err(why)
            }
        }
    }

    fn receive(&self, file: &str, to: &mut impl Write) -> Result<Hash, StorageError> {
        self.runtime.block_on(async {
            let there = self.store.get(&self.key(file)).await.map_err(|why| refused(file, why))?;
            let (mut stream, mut sum) = (there.into_stream(), Sha256::new());
            while let Some(bytes) = stream.next().await {
                let bytes = bytes.map_err(|why| refused(file, why))?;
                sum.update(&bytes);
                to.write_all(&bytes).map_err(|why| local(file, why))?;
            }
            Ok(hash(sum))
        })
    }

    fn key(&self, file: &str) -> Path {
        let parts = file.split('/').filter(|part| !part.is_empty());
        parts.fold(self.prefix.clone(), |path, part| path.join(part))
    }
}

/// The sidecar of a sound.
pub fn sidecar_of(file: &str) -> String {
    format!("{}.json", file.rsplit_once('.').map_or(file, |(stem, _)| stem))
}

fn read_piece(file: &mut File) -> io::Result<Vec<u8>> {
    let mut piece = Vec::new();
    Read::by_ref(file).take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

fn hash(sum: Sha256) -> Hash {
    let hex: String = sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    hex.parse().unwrap_or(Hash::NONE) // 64 digits always are one
}

fn local(file: &str, why: io::Error) -> StorageError {
    StorageError::Local { file: file.to_owned(), why }
}

fn refused(file: &str, why: object_store::Error) -> StorageError {
    StorageError::Store { key: file.to_owned(), why }
}
