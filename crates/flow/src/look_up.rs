//! A web server is asked what it knows of the caller.

use std::sync::Arc;

use call::{Call, Event};
use route::Destination;
use serde_json::{Value, json};

use crate::web::{Answer, ServerConf, known};
use crate::{Next, Phrase, Program, Word};

/// Something to be looked up.
#[derive(Clone, Debug)]
pub struct LookUpConf {
    /// At which server.
    pub server: ServerConf,
    /// What is posted; nothing: the address says it all.
    pub post: Option<Vec<String>>,
    /// What the caller hears meanwhile; one who has heard nothing yet hears that it rings.
    pub meanwhile: Option<Phrase>,
    /// The fields that become known, and where in the answer each is (RFC 6901).
    pub fields: Vec<(String, String)>,
    /// Where it goes on,
    pub then: Destination,
    /// and where, when there is no answer.
    pub otherwise: Destination,
}

/// One caller waiting for the answer.
#[derive(Debug)]
pub(crate) struct LookUp {
    conf: Arc<LookUpConf>,
    words: Vec<Word>,
}

impl LookUp {
    pub(crate) fn new(conf: Arc<LookUpConf>) -> LookUp {
        LookUp { conf, words: Vec::new() }
    }
}

impl Program for LookUp {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started => {
                let body = self.conf.post.as_ref().map(|fields| posted(fields, call));
                self.words.push(Word::Ask(self.conf.server.ask(call, body)));
                call.wake_after(self.conf.server.limit);
                match &self.conf.meanwhile {
                    Some(phrase) => call.play(&phrase.to(call), false),
                    None => call.ring(),
                }
                Next::Wait
            }
            Event::Woken => Next::Go(self.conf.otherwise.clone()),
            Event::HungUp => Next::Over,
            _ => Next::Wait,
        }
    }

    fn answered(&mut self, answer: Answer, call: &mut Call) -> Next {
        let Ok(answer) = answer else { return Next::Go(self.conf.otherwise.clone()) };
        for (field, pointer) in &self.conf.fields {
            if let Some(value) = answer.pointer(pointer).and_then(text) {
                call.set_field(field, &value);
            }
        }
        Next::Go(self.conf.then.clone())
    }

    fn words(&mut self) -> Vec<Word> {
        std::mem::take(&mut self.words)
    }
}

fn posted(fields: &[String], call: &Call) -> Value {
    fields.iter().fold(json!({}), |mut body, field| {
        body[field] = known(call, field).into();
        body
    })
}

/// What a field can hold.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(bool) => Some(bool.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
