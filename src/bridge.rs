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
use wasm_bindgen::{JsCast, prelude::*};
use wasm_bindgen_futures::JsFuture;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export type OnEvent = (event: Event) => void;
/** Asked now and then by an op; it ends as cancelled where the answer is false. */
export type StillWaits = () => boolean | Promise<boolean>;
"#;

#[wasm_bindgen]
extern "C" {
    /// A command as the page writes it.
    #[wasm_bindgen(typescript_type = "Command")]
    pub type JsCommand;
    /// A listener for events.
    #[wasm_bindgen(typescript_type = "OnEvent", extends = js_sys::Function)]
    pub type JsOnEvent;
    /// Says whether an op's answer is still waited for.
    #[wasm_bindgen(typescript_type = "StillWaits", extends = js_sys::Function)]
    pub type JsStillWaits;
}

/// Makes a panic say what happened on the console.
#[wasm_bindgen(start)]
pub fn start() {
    console_error_panic_hook::set_once();
}

/// A visitor's session in the tab.
#[wasm_bindgen]
pub struct Glassbox {
    session: Session,
}

#[wasm_bindgen]
impl Glassbox {
    /// A session without a run. Its ops ask `still_waits` now and then whether to go on.
    #[wasm_bindgen(constructor)]
    pub fn new(still_waits: JsStillWaits) -> Self {
        let still_waits: js_sys::Function = still_waits.unchecked_into();
        Self {
            session: Session::cancellable(Box::new(move || {
                let still_waits = still_waits.clone();
                Box::pin(async move { answer(&still_waits).await })
            })),
        }
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

/// What the page answers, now or by a promise. A listener that throws waits no longer.
async fn answer(still_waits: &js_sys::Function) -> bool {
    let Ok(said) = still_waits.call0(&JsValue::NULL) else {
        return false;
    };
    match said.dyn_into::<js_sys::Promise>() {
        Ok(promise) => JsFuture::from(promise)
            .await
            .is_ok_and(|said| said.is_truthy()),
        Err(said) => said.is_truthy(),
    }
}
