//! How many files and sockets this process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Takes all the descriptors the system is willing to give. Most give 1,024 until they are asked, which a few hundred
/// calls and phones by TCP or TLS use up.
pub fn allow_many_connections() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(why) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!("the limit of open files stays as it is ({why}); raise it with ulimit -n");
    }
}
