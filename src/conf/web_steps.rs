//! The steps of `menus.toml` that ask web servers: what is known of a caller, and where to lead him.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use flow::{Address, HookConf, LookUpConf, Piece, ServerConf, Token};
use hyper::Uri;
use hyper::header::HeaderValue;
use route::Destination;
use serde::Deserialize;
use spoken::Kind;
use toml::Spanned;

use super::file::File;
use super::menus::{check_field, in_order, otherwise};
use super::names::Names;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookUpTable {
    look_up: Spanned<String>,
    token: Option<Spanned<String>>,
    timeout_secs: Option<Spanned<u64>>,
    post: Option<Vec<Spanned<String>>>,
    meanwhile: Option<Spanned<String>>,
    #[serde(default)]
    fields: BTreeMap<Spanned<String>, Spanned<String>>,
    then: Spanned<String>,
    otherwise: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HookTable {
    hook: Spanned<String>,
    token: Option<Spanned<String>>,
    timeout_secs: Option<Spanned<u64>>,
    #[serde(default)]
    says: Vec<Spanned<String>>,
    #[serde(default)]
    leads: Vec<Spanned<String>>,
    otherwise: Option<Spanned<String>>,
}

/// How long a server may take for an answer, if nothing is said,
const LIMIT_SECS: u64 = 3;
/// and at most: a caller waits in silence meanwhile.
const LIMIT_SECS_MAX: u64 = 8;

pub(super) fn look_up(file: &mut File<'_>, names: &mut Names<'_>, said: LookUpTable) -> Option<LookUpConf> {
    let server = server(file, &said.look_up, said.token.as_ref(), said.timeout_secs.as_ref());
    let meanwhile = said.meanwhile.as_ref().map(|text| names.phrase(file, text));
    let known = |file: &mut File<'_>, name: &Spanned<String>| match name.get_ref().as_str() {
        "call" | "caller" | "called" => {}
        _ => check_field(file, name),
    };
    said.post.iter().flatten().for_each(|name| known(file, name));
    let mut fields = Vec::new();
    for (field, pointer) in in_order(said.fields) {
        check_field(file, &field);
        let text = pointer.get_ref();
        if !text.is_empty() && !text.starts_with('/') {
            file.problem(
                pointer.span(),
                format!("{text:?} is no place in an answer; write one such as \"/customer/tier\""),
            );
        }
        fields.push((field.into_inner(), pointer.into_inner()));
    }
    let (then, otherwise) = (names.leads(file, &said.then), otherwise(file, names, said.otherwise.as_ref()));
    let post = said.post.map(|fields| fields.into_iter().map(Spanned::into_inner).collect());
    Some(LookUpConf { server: server?, post, meanwhile, fields, then: then?, otherwise: otherwise? })
}

pub(super) fn hook(file: &mut File<'_>, names: &mut Names<'_>, said: HookTable) -> Option<HookConf> {
    let server = server(file, &said.hook, said.token.as_ref(), said.timeout_secs.as_ref());
    let says: HashMap<String, Piece> =
        said.says.iter().filter_map(|name| Some((name.get_ref().clone(), says(file, names, name)?))).collect();
    let leads: Vec<Destination> = said.leads.iter().filter_map(|to| names.leads(file, to)).collect();
    let otherwise = otherwise(file, names, said.otherwise.as_ref());
    Some(HookConf { server: server?, says, leads, otherwise: otherwise? })
}

/// A prompt, or a way to say a field.
fn says(file: &mut File<'_>, names: &mut Names<'_>, name: &Spanned<String>) -> Option<Piece> {
    let is_way = name.get_ref() == "digits" || name.get_ref().parse::<Kind>().is_ok();
    let word = if is_way { format!("{}:-", name.get_ref()) } else { name.get_ref().clone() };
    names.piece(file, &word, &name.span())
}

fn server(
    file: &mut File<'_>,
    url: &Spanned<String>,
    token: Option<&Spanned<String>>,
    timeout_secs: Option<&Spanned<u64>>,
) -> Option<ServerConf> {
    let address: Option<Address> = file.parse(url);
    if let Some(why) = address.as_ref().and_then(|address| address.bare().parse::<Uri>().err()) {
        file.problem(url.span(), format!("{:?} is no web address ({why})", url.get_ref()));
    }
    let limit = match timeout_secs {
        Some(secs) if !(1..=LIMIT_SECS_MAX).contains(secs.get_ref()) => {
            file.problem(secs.span(), format!("timeout_secs is a number from 1 to {LIMIT_SECS_MAX}: the caller waits"));
            LIMIT_SECS
        }
        secs => secs.map_or(LIMIT_SECS, |secs| *secs.get_ref()),
    };
    if let Some(token) = token
        && HeaderValue::from_str(token.get_ref()).is_err()
    {
        file.problem(token.span(), "a token is a line of printable letters");
    }
    let token = token.map(|token| Token::new(token.get_ref()));
    Some(ServerConf { url: address?, token, limit: Duration::from_secs(limit) })
}
