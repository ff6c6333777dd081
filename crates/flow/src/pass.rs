//! Steps that take no time: what is known of the caller is changed, or chooses the way.

use std::sync::Arc;

use call::{Call, Event};

use crate::{ChooseConf, Next, Program, SetConf};

/// Fields are set, then it goes on.
#[derive(Debug)]
pub(crate) struct Set(pub(crate) Arc<SetConf>);

impl Program for Set {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        match event {
            Event::Started => {
                self.0.fields.iter().for_each(|(name, value)| call.set_field(name, value));
                Next::Go(self.0.then.clone())
            }
            _ => Next::Over,
        }
    }
}

/// A field chooses the way.
#[derive(Debug)]
pub(crate) struct Choose(pub(crate) Arc<ChooseConf>);

impl Program for Choose {
    fn step(&mut self, event: Event, call: &mut Call) -> Next {
        if event != Event::Started {
            return Next::Over;
        }
        let ChooseConf { field, cases, otherwise } = &*self.0;
        let value = match field.as_str() {
            "caller" => Some(call.caller().party.label()),
            field => call.field(field),
        };
        let case = cases.iter().find(|(pattern, _)| value.is_some_and(|value| pattern.matches(value)));
        Next::Go(case.map_or(otherwise, |(_, to)| to).clone())
    }
}
