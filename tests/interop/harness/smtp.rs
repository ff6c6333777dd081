//! A mail server: it takes letters by RFC 5321 and keeps them. The first one it refuses for now (451), as busy servers do.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

/// A server that runs as long as the test.
pub struct MailServer {
    pub address: SocketAddr,
    letters: Receiver<Letter>,
}

/// A letter that was taken.
pub struct Letter {
    pub to: String,
    /// Headers and body, as they came.
    pub text: String,
}

impl MailServer {
    pub fn start() -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("our own port");
        let (taken, letters) = channel();
        thread::spawn(move || {
            for (at, stream) in listener.incoming().enumerate() {
                let _ = stream.and_then(|stream| talk(stream, at == 0, &taken));
            }
        });
        MailServer { address, letters }
    }

    pub fn letter(&self, limit: Duration) -> Letter {
        self.letters.recv_timeout(limit).expect("a letter")
    }
}

fn talk(mut stream: TcpStream, busy: bool, taken: &Sender<Letter>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut to = String::new();
    stream.write_all(b"220 mail.example ESMTP\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer = match word.as_str() {
            "EHLO" => "250-mail.example\r\n250 8BITMIME",
            "MAIL" if busy => "451 try again later",
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                "250 OK"
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n")?;
                let mut text = String::new();
                while let Some(line) = lines.next().transpose()?.filter(|line| line != ".") {
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                let _ = taken.send(Letter { to: to.clone(), text });
                "250 taken"
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => "250 OK",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}

impl Letter {
    /// The sound that is attached.
    pub fn sound(&self) -> Vec<u8> {
        let (_, part) = self.text.split_once("Content-Type: audio/wav").expect("a sound");
        let (head, body) = part.split_once("\n\n").expect("its body");
        assert!(head.contains("base64") && self.text.contains("attachment;"), "{}", self.text);
        let base64: String = body.lines().take_while(|line| !line.starts_with("--")).collect();
        data_encoding::BASE64.decode(base64.trim().as_bytes()).expect("base64")
    }
}
