//! A page in a real browser: JsSIP in Chromium, by secure WebSocket.

use std::time::Duration;

use serde_json::json;

use crate::harness::browser::Browser;
use crate::harness::switch::Centre;
use crate::harness::until;
use crate::operate::operate;

const A_WHILE: Duration = Duration::from_secs(20);

#[test]
fn a_page_registers_by_secure_web_socket_and_unregisters() {
    let centre = Centre::new("page");
    let (_, wss) = centre.listen_web();
    let _switch = centre.start();
    let mut page = Browser::start(&centre.room, 700);
    let wrong = json!({ "verb": "register", "user": "ann", "password": "bob-secret", "server": wss });
    page.tell(wrong);
    page.wait_for("refused", A_WHILE);
    page.register("ann", wss);
    let phones = || operate(&centre, &["phones"]).1;
    assert!(phones().contains("ann"), "{}", phones());
    page.tell(json!({ "verb": "unregister" }));
    page.wait_for("unregistered", A_WHILE);
    until("an empty list", A_WHILE, || (!phones().contains("ann")).then_some(()));
}
