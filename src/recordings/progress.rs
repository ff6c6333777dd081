//! How far long work is: a line on the terminal that is drawn over and over; nothing where nobody watches.

use std::io::{self, IsTerminal, Write};

/// A bar on standard error.
pub struct Bar {
    watched: bool,
    shown: Option<u64>,
}

impl Bar {
    pub fn new() -> Bar {
        Bar { watched: io::stderr().is_terminal(), shown: None }
    }

    /// Draws it, if it has moved by a thousandth.
    pub fn show(&mut self, done: u64, all: u64, what: impl FnOnce() -> String) {
        let thousandths = (done.min(all) * 1000).checked_div(all).unwrap_or(1000);
        if !self.watched || self.shown == Some(thousandths) {
            return;
        }
        self.shown = Some(thousandths);
        let filled = "#".repeat(thousandths as usize * WIDTH / 1000);
        eprint!("\r[{filled:<WIDTH$}] {:3}.{} %  {}\x1b[K", thousandths / 10, thousandths % 10, what());
        let _ = io::stderr().flush();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

const WIDTH: usize = 30;
