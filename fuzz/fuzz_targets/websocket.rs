//! Frames of a browser that may be anything, read as the shell reads them: in bounded memory, to an end.
#![no_main]

use std::io::{Cursor, Read, Result, Write};

use libfuzzer_sys::fuzz_target;
use sip::wire::Limits;
use tungstenite::WebSocket;
use tungstenite::protocol::{Role, WebSocketConfig};

/// What the browser sends; what we send is thrown away.
struct Wire(Cursor<Vec<u8>>);

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        Ok(bytes.len())
    }
    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

fuzz_target!(|data: &[u8]| {
    let limits = Limits::default();
    let config = WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * limits.message_bytes_max)
        .max_message_size(Some(limits.message_bytes_max))
        .max_frame_size(Some(limits.message_bytes_max));
    let mut socket = WebSocket::from_raw_socket(Wire(Cursor::new(data.to_vec())), Role::Server, Some(config));
    let mut messages = 0;
    while let Ok(message) = socket.read() {
        let bytes = message.into_data();
        assert!(bytes.len() <= limits.message_bytes_max);
        let _ = sip::wire::read(&bytes, true, &limits);
        messages += 1;
        assert!(messages <= data.len(), "more messages than bytes");
    }
});
