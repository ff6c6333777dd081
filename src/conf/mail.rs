//! `[mail]` of `conf/voicemail.toml`: messages by e-mail, and the program that understands them.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::time::Duration;

use lettre::message::Mailbox;
use serde::Deserialize;
use toml::Spanned;

use super::file::File;

/// Where messages are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailConf {
    /// By whom; none: they are not.
    pub server: Option<MailServer>,
    /// To whom, by account.
    pub addresses: HashMap<String, String>,
    /// The program that writes down what is said in a file, and its arguments; the file's name follows them.
    pub transcript: Vec<String>,
    /// It may take so long.
    pub transcript_max: Duration,
}

impl MailConf {
    /// Is there anything to be done with a message?
    pub fn has_work(&self) -> bool {
        (self.server.is_some() && !self.addresses.is_empty()) || !self.transcript.is_empty()
    }
}

/// An SMTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub tls: MailTls,
    /// User and password, if it wants any.
    pub login: Option<(String, String)>,
    /// Who writes.
    pub from: String,
    /// With what in the subject,
    pub subject: String,
    /// and in the text.
    pub text: String,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTls {
    /// In clear.
    None,
    /// In TLS once both have said hello (RFC 3207); never without.
    #[default]
    StartTls,
    /// In TLS from the beginning (RFC 8314).
    Tls,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MailTable {
    server: Spanned<String>,
    #[serde(default)]
    tls: MailTls,
    user: Option<String>,
    password: Option<String>,
    from: Spanned<String>,
    subject: Option<String>,
    text: Option<String>,
}

/// What the file says of it, with the people's addresses.
pub(super) fn checked(
    file: &mut File<'_>,
    table: Option<MailTable>,
    emails: Vec<(String, Spanned<String>)>,
    transcript: Vec<String>,
    transcript_secs_max: Option<NonZeroU16>,
) -> MailConf {
    let has_server = table.is_some();
    for (account, email) in
        emails.iter().filter(|(_, email)| !has_server || email.get_ref().parse::<Mailbox>().is_err())
    {
        let what = match has_server {
            true => format!("{:?} is no e-mail address", email.get_ref()),
            false => format!("nothing is sent to {account} as there is no [mail] here; write its server and from"),
        };
        file.problem(email.span(), what);
    }
    let server = table.map(|table| server(file, table));
    let addresses = emails.into_iter().map(|(account, email)| (account, email.into_inner())).collect();
    let transcript_max = Duration::from_secs(transcript_secs_max.map_or(300, NonZeroU16::get).into());
    MailConf { server, addresses, transcript, transcript_max }
}

fn server(file: &mut File<'_>, table: MailTable) -> MailServer {
    let MailTable { server, tls, user, password, from, subject, text } = table;
    let usual = match tls {
        MailTls::None => 25,
        MailTls::StartTls => 587,
        MailTls::Tls => 465,
    };
    let (host, port) = match server.get_ref().rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (server.get_ref().as_str(), Some(usual)),
    };
    if host.is_empty() || port.is_none() {
        file.problem(server.span(), format!("{:?} is no mail server; write a name, or name:port", server.get_ref()));
    }
    if from.get_ref().parse::<Mailbox>().is_err() {
        file.problem(from.span(), format!("{:?} is no e-mail address", from.get_ref()));
    }
    if user.is_some() != password.is_some() {
        file.problem(server.span(), "user and password go together; write both or neither");
    } else if user.is_some() && tls == MailTls::None {
        file.problem(server.span(), "the password would go in clear; let tls be \"starttls\" or \"tls\"");
    }
    MailServer {
        host: host.to_owned(),
        port: port.unwrap_or(usual),
        tls,
        login: user.zip(password),
        from: from.into_inner(),
        subject: subject.unwrap_or_else(|| "Message from {caller}, {secs} s".to_owned()),
        text: text.unwrap_or_else(|| "{caller} left a message at {at}.\n\n{transcript}\n".to_owned()),
    }
}
