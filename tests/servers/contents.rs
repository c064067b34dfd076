//! The files that the servers serve, and the folder of a server.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest, Sha256};
use waterspout::Bytes;

/// The length of the large file, in bytes.
pub const LARGE_BYTES: usize = 64 << 20;

/// The large file. Each group of eight bytes is its own index, so that a missing or repeated group is noticed.
pub static LARGE: LazyLock<Bytes> =
    LazyLock::new(|| (0..LARGE_BYTES as u64 / 8).flat_map(u64::to_le_bytes).collect::<Vec<_>>().into());

/// The SHA-256 of the large file, in hexadecimal.
static LARGE_HASH: LazyLock<String> = LazyLock::new(|| hash(&LARGE));

/// Returns a server's reply to an upload: the length and the SHA-256 of the body.
pub fn summary(body: &[u8]) -> String {
    let hash = if body.len() == LARGE_BYTES { LARGE_HASH.clone() } else { hash(body) };
    format!("{} {hash}\n", body.len())
}

fn hash(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A folder with the served files. Dropping it removes the folder.
pub struct Folder(PathBuf);

impl Folder {
    /// Creates the folder in the system's temporary folder, so that a server that drops its root privileges can read
    /// it.
    pub fn new(large_bytes: usize) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("waterspout-servers-{}-{number}", std::process::id()));
        let folder = Self(path);
        for (name, mode) in
            [("", 0o755), ("files", 0o755), ("files/folder", 0o755), ("files/stored", 0o777), ("locks", 0o777)]
        {
            let path = folder.0.join(name);
            fs::create_dir_all(&path).unwrap();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        let numbers: String = (0..10_000).map(|number| format!("{number}\n")).collect();
        folder.write("files/plain", b"hello\n");
        folder.write("files/folder/index.html", b"hello\n");
        folder.write("files/letters", b"abcdefghijklmnopqrstuvwxyz");
        folder.write("files/numbers", numbers.as_bytes());
        folder.write("files/includes", b"<!--#include virtual=\"/numbers\" -->");
        folder.write("files/large", &LARGE[..large_bytes]);
        // Aladdin's password is "open-sesame", for the realm "cave".
        folder.write("passwords", b"Aladdin:{SHA}piGucRdTwGb7+i3S1svNik60+fw=\n");
        folder.write("digests", b"Aladdin:cave:1c97f60593e86abb071c0e95dd542561\n");
        folder
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.join(name), bytes).unwrap();
    }

    /// Returns the text of a file, or an empty text if the file does not exist.
    pub fn read(&self, name: &str) -> String {
        fs::read(self.0.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
