//! The only door to JavaScript: one class that takes commands and gives events.

use crate::{
    error::Error,
    session::{
        Session,
        protocol::{Command, Event},
    },
};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export type OnEvent = (event: Event) => void;
"#;

#[wasm_bindgen]
extern "C" {
    /// A command as the page writes it.
    #[wasm_bindgen(typescript_type = "Command")]
    pub type JsCommand;
    /// A listener for events.
    #[wasm_bindgen(typescript_type = "OnEvent", extends = js_sys::Function)]
    pub type JsOnEvent;
}

/// Makes a panic say what happened on the console.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

/// A visitor's session in the tab.
#[wasm_bindgen]
#[derive(Default)]
pub struct Glassbox {
    session: Session,
}

#[wasm_bindgen]
impl Glassbox {
    /// A session without a run.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Carries out a command; its answers, an `error` among them, go to `on_event`.
    ///
    /// One at a time: await the promise before the next.
    pub async fn handle(&mut self, command: JsCommand, on_event: JsOnEvent) {
        // Whole numbers and plain objects, as JSON would give them.
        let serializer = Serializer::json_compatible().serialize_bytes_as_arrays(false);
        let sink = |event: Event| match event.serialize(&serializer) {
            // A listener that throws is the page's own fault, and is reported there.
            Ok(event) => drop(on_event.call1(&JsValue::NULL, &event)),
            Err(why) => wasm_bindgen::throw_val(why.into()),
        };
        let answer = match serde_wasm_bindgen::from_value::<Command>(command.into()) {
            Ok(command) => self.session.handle(command, &sink).await,
            Err(why) => Err(Error::parse("the command", why)),
        };
        if let Err(error) = answer {
            sink(Event::Error {
                code: error.code().into(),
                message: error.to_string(),
            });
        }
    }
}
