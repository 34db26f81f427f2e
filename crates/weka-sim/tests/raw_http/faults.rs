//! Every kind of fault, its limits, and what the log says of it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Reply, Sim, authority, connect, read_head, request, send, sim, sim_with, text, tokens};

fn health(sim: &Sim) -> std::io::Result<Reply> {
    send(&sim.address(), &request("GET", "/api/v2/healthcheck", &[], b""))
}

fn last_outcome(sim: &Sim) -> String {
    text(&sim.log("complete=true").last().unwrap()["outcome"])
}

#[test]
fn refuse_closes_the_listener_and_cuts_connections_until_it_ends() {
    let sim = sim();
    let mut open = connect(&sim.address()).unwrap();
    let raw = request("GET", "/api/v2/healthcheck", &[], b"");
    assert_eq!(crate::client::exchange(&mut open, &raw).unwrap().status, 200);
    let id = sim.fault(json!({"kind": "refuse"}));
    for _ in 0..3 {
        assert_eq!(connect(&sim.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
    assert!(crate::client::exchange(&mut open, &raw).is_err(), "open connections are cut");
    let status = sim.control("GET", "/_sim/status", Value::Null);
    assert_eq!(status["backends"][0]["listening"], false, "the control channel still answers");
    sim.control("DELETE", &format!("/_sim/faults/{id}"), Value::Null);
    assert_eq!(health(&sim).unwrap().status, 200);
}

#[test]
fn refuse_with_a_life_ends_by_the_clock_and_may_concern_one_backend() {
    let sim = sim_with(|options| options.listen = vec!["127.0.0.1:0".parse().unwrap(); 2]);
    sim.control("POST", "/_sim/clock", json!({"freeze": true}));
    sim.fault(json!({"kind": "refuse", "backend": 0, "for": "30s"}));
    assert!(connect(&sim.address()).is_err());
    assert!(connect(&authority(&sim.url(1))).is_ok());
    sim.advance("29s");
    assert!(connect(&sim.address()).is_err());
    sim.advance("1s");
    assert_eq!(health(&sim).unwrap().status, 200);
}

#[test]
fn refuse_with_a_life_ends_by_itself_in_real_time() {
    let sim = sim();
    sim.fault(json!({"kind": "refuse", "for": 0.2}));
    let deadline = Instant::now() + Duration::from_secs(60);
    while connect(&sim.address()).is_err() {
        assert!(Instant::now() < deadline, "still refused");
    }
    assert_eq!(health(&sim).unwrap().status, 200);
}

#[test]
fn reset_close_and_lost_answers_end_without_a_word() {
    let sim = sim();
    sim.fault(json!({"kind": "reset", "count": 1}));
    assert_eq!(health(&sim).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(last_outcome(&sim), "reset");
    sim.fault(json!({"kind": "close", "count": 1}));
    assert_eq!(health(&sim).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(last_outcome(&sim), "closed");

    sim.control("POST", "/_sim/settings", json!({"single_use_refresh": true}));
    let (_, refresh) = sim.pair("admin");
    sim.fault(json!({"kind": "lose-answer", "count": 1}));
    let body = json!({"refresh_token": refresh});
    let lost = sim.try_api("POST", "/login/refresh", None, body);
    assert_eq!(lost.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert_eq!(sim.standing(&refresh), "used", "the work was done");
    let entry = sim.log("path=/api/v2/login/refresh")[0].clone();
    assert!(entry["issued"].is_string());
    assert_eq!(entry["status"], Value::Null);
    assert_eq!(health(&sim).unwrap().status, 200);
}

#[test]
fn reset_happens_before_the_work() {
    let sim = sim();
    let (_, refresh) = sim.pair("admin");
    sim.fault(json!({"kind": "reset", "path": "/api/v2/login/refresh"}));
    assert!(sim.try_api("POST", "/login/refresh", None, json!({"refresh_token": refresh})).is_err());
    assert_eq!(sim.counters()["refreshes_ok"], 0);
    let entry = sim.log("path=/api/v2/login/refresh")[0].clone();
    assert_eq!(entry["refresh_token"]["standing"], "alive", "the log knows what was tried");
    assert_eq!(health(&sim).unwrap().status, 200);
}

#[test]
fn hang_never_answers_at_either_stage() {
    let sim = sim();
    for at in ["request", "connect"] {
        sim.fault(json!({"kind": "hang", "at": at, "count": 1}));
        let mut stream = connect(&sim.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        stream.write_all(&request("GET", "/api/v2/healthcheck", &[], b"")).unwrap();
        let silent = stream.read(&mut [0]).unwrap_err();
        assert!(matches!(silent.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{silent}");
    }
    // The client has left: the log learns of it.
    let abandoned = sim.log("complete=true&wait_ms=50000");
    assert_eq!(abandoned[0]["outcome"], "abandoned");
    assert_eq!(health(&sim).unwrap().status, 200);
}

#[test]
fn slow_waits_and_drip_sends_byte_by_byte() {
    let sim = sim();
    sim.fault(json!({"kind": "slow", "delay_ms": 200, "count": 1}));
    let started = Instant::now();
    assert_eq!(health(&sim).unwrap().text(), "\"ok\"");
    assert!(started.elapsed() >= Duration::from_millis(200));
    sim.fault(json!({"kind": "drip", "delay_ms": 50, "count": 1}));
    let started = Instant::now();
    assert_eq!(health(&sim).unwrap().text(), "\"ok\"");
    assert!(started.elapsed() >= Duration::from_millis(150));
}

#[test]
fn statuses_have_their_bodies_and_retry_after() {
    let sim = sim();
    sim.control("POST", "/_sim/clock", json!({"freeze": true}));
    let ask = |fault: Value| {
        sim.control("DELETE", "/_sim/faults", Value::Null);
        sim.fault(fault);
        health(&sim).unwrap()
    };
    let reply = ask(json!({"kind": "status", "status": 401}));
    assert_eq!((reply.status, reply.json()), (401, json!({"data": "Unauthorized"})));
    let reply = ask(json!({"kind": "status", "status": 403, "locked_for": "1m55s"}));
    let locked =
        "Authentication Failed. User has been locked out for another 1m55s due to too many login attempts";
    assert_eq!((reply.status, reply.json()), (403, json!({"data": locked})));
    let reply = ask(json!({"kind": "status", "status": 429, "retry_after": 7}));
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("7")));
    let reply = ask(json!({"kind": "status", "status": 503, "retry_after": 7, "retry_after_date": true}));
    assert!(reply.header("retry-after").unwrap().ends_with("GMT"));
    assert!(reply.text().contains("503 Service Unavailable"));
    let reply = ask(json!({"kind": "status", "status": 500}));
    assert_eq!(reply.json(), json!({"message": "Internal Server Error"}));
    let reply = ask(json!({"kind": "status", "status": 502, "body": {"message": "nope"}}));
    assert_eq!((reply.status, reply.json()), (502, json!({"message": "nope"})));
    let reply = ask(json!({"kind": "status", "status": 200, "body": ""}));
    assert_eq!((reply.status, reply.text().as_str()), (200, ""));

    let reply = ask(json!({"kind": "status", "status": 429, "retry_after": "rest", "for": "30s"}));
    assert_eq!(reply.header("retry-after"), Some("30"));
    sim.advance("10s");
    assert_eq!(health(&sim).unwrap().header("retry-after"), Some("20"));
    sim.advance("20s");
    assert_eq!(health(&sim).unwrap().status, 200, "who waits as told is served");
}

#[test]
fn garbage_html_and_bytes_that_are_not_http() {
    let sim = sim();
    sim.fault(json!({"kind": "garbage", "count": 1}));
    let garbage = health(&sim).unwrap();
    assert_eq!(garbage.status, 200);
    assert!(serde_json::from_slice::<Value>(&garbage.body).is_err());
    sim.fault(json!({"kind": "html", "status": 200, "count": 1}));
    let page = health(&sim).unwrap();
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html")));
    assert!(page.text().starts_with("<html>"));
    sim.fault(json!({"kind": "not-http", "count": 1}));
    let mut stream = connect(&sim.address()).unwrap();
    stream.write_all(&request("GET", "/api/v2/healthcheck", &[], b"")).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    assert!(!all.is_empty() && !all.starts_with(b"HTTP"));
}

#[test]
fn truncated_does_the_work_and_sends_half() {
    let sim = sim();
    let (_, refresh) = sim.pair("admin");
    sim.fault(json!({"kind": "truncated", "count": 1}));
    let mut stream = connect(&sim.address()).unwrap();
    let body = json!({"refresh_token": refresh}).to_string();
    let headers = [("Content-Type", "application/json")];
    stream.write_all(&request("POST", "/api/v2/login/refresh", &headers, body.as_bytes())).unwrap();
    let head = read_head(&mut stream).unwrap();
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
    let mut half = Vec::new();
    stream.read_to_end(&mut half).unwrap();
    assert_eq!(half.len(), length / 2);
    assert!(half.starts_with(b"{\"data\":{\"access_token\":\"eyJ"));
    assert_eq!(sim.counters()["refreshes_ok"], 1);
}

#[test]
fn endless_goes_on_for_as_long_as_somebody_reads() {
    let sim = sim();
    sim.fault(json!({"kind": "endless", "count": 1}));
    let mut stream = connect(&sim.address()).unwrap();
    stream.write_all(&request("GET", "/api/v2/healthcheck", &[], b"")).unwrap();
    let mut received = vec![0; 4 * 1024 * 1024];
    stream.read_exact(&mut received).unwrap();
    drop(stream);
    assert_eq!(health(&sim).unwrap().status, 200);
}

#[test]
fn redirects_go_where_told() {
    let sim = sim_with(|options| options.listen = vec!["127.0.0.1:0".parse().unwrap(); 2]);
    for status in [301, 302, 307, 308] {
        sim.fault(json!({"kind": "redirect", "status": status, "to_backend": 1, "count": 1}));
        let reply = health(&sim).unwrap();
        let location = format!("{}/api/v2/healthcheck", sim.url(1));
        assert_eq!((reply.status, reply.header("location")), (status, Some(location.as_str())));
    }
    sim.fault(json!({"kind": "redirect", "location": "http://evil.example{path}", "count": 1}));
    let reply = health(&sim).unwrap();
    assert_eq!(
        (reply.status, reply.header("location")),
        (301, Some("http://evil.example/api/v2/healthcheck"))
    );
}

#[test]
fn answers_can_be_bent_in_several_ways_at_once() {
    let sim = sim();
    sim.control(
        "POST",
        "/_sim/faults",
        json!([
            {"kind": "array-data", "count": 1},
            {"kind": "expires-in", "value": 0, "count": 1},
            {"kind": "patch", "set": {"token_type": "bearer"}, "remove": ["refresh_token"], "count": 1},
            {"kind": "content-type", "value": "text/plain", "count": 1},
        ]),
    );
    let bent = sim.login("admin", "Admin-Pass1");
    assert_eq!(bent.header("content-type"), Some("text/plain"));
    let data = bent.json()["data"].clone();
    assert_eq!(data.as_array().unwrap().len(), 1);
    assert_eq!((&data[0]["expires_in"], &data[0]["token_type"]), (&json!(0), &json!("bearer")));
    assert!(data[0].get("refresh_token").is_none());
    assert_eq!(sim.standing(&text(&data[0]["access_token"])), "alive");

    sim.fault(json!({"kind": "expires-in", "count": 1}));
    assert!(sim.login("admin", "Admin-Pass1").json()["data"].get("expires_in").is_none());
    sim.fault(json!({"kind": "expires-in", "value": 1e18, "count": 1}));
    assert_eq!(sim.login("admin", "Admin-Pass1").json()["data"]["expires_in"], 1e18);
}

#[test]
fn a_skewed_clock_shows_in_tokens_and_dates_but_not_in_lives() {
    let sim = sim();
    sim.fault(json!({"kind": "skew", "by_s": -86_400}));
    let reply = sim.login("admin", "Admin-Pass1");
    let (access, _) = tokens(&reply.json()["data"]);
    let payload = access.split('.').nth(1).unwrap();
    let claims: Value =
        serde_json::from_slice(&data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap()).unwrap();
    let now = sim.control("GET", "/_sim/clock", Value::Null)["virtual_ms"].as_i64().unwrap() / 1_000;
    let behind = now - claims["iat"].as_i64().unwrap();
    assert!((86_400..86_410).contains(&behind), "{behind}");
    assert!(claims["exp"].as_i64().unwrap() < now);
    assert_eq!(sim.standing(&access), "alive");
    let skewed_date = reply.header("date").unwrap().to_owned();
    sim.control("DELETE", "/_sim/faults", Value::Null);
    assert_ne!(health(&sim).unwrap().header("date").unwrap()[..16], skewed_date[..16], "another day");
}

#[test]
fn count_skip_path_method_and_rpc_limit_a_fault() {
    let sim = sim();
    let id = sim.fault(json!({
        "kind": "status", "status": 503, "path": "/api/v2/login*", "method": "POST", "skip": 1, "count": 2
    }));
    let statuses: Vec<_> = (0..5).map(|_| sim.login("admin", "Admin-Pass1").status).collect();
    assert_eq!(statuses, [200, 503, 503, 200, 200]);
    assert_eq!(health(&sim).unwrap().status, 200);
    let fault = sim.control("GET", "/_sim/faults", Value::Null)[0].clone();
    assert_eq!((&fault["id"], &fault["hits"], &fault["active"]), (&json!(id), &json!(2), &json!(false)));
    assert_eq!(sim.log("status=503")[0]["faults"], json!([id]));

    sim.fault(json!({"kind": "status", "status": 500, "rpc": "status"}));
    let call = |method: &str| {
        let body = json!({"jsonrpc": "2.0", "method": method, "id": 1}).to_string();
        send(&sim.address(), &request("POST", "/api/v1", &[], body.as_bytes())).unwrap().status
    };
    assert_eq!((call("status"), call("client_query_backend")), (500, 200));
}

#[test]
fn wrong_scripts_are_refused_whole() {
    let sim = sim();
    for wrong in [
        json!({"kind": "explode"}),
        json!({"status": 503}),
        json!({"kind": "status"}),
        json!({"kind": "status", "status": 99}),
        json!({"kind": "status", "status": 503, "retry_after": "soon"}),
        json!({"kind": "status", "status": 503, "retry_after": "rest"}),
        json!({"kind": "reset", "paht": "/x"}),
        json!({"kind": "refuse", "count": 1}),
        json!({"kind": "refuse", "path": "/x"}),
        json!({"kind": "html", "at": "connect"}),
        json!({"kind": "hang", "at": "connect", "path": "/x"}),
        json!({"kind": "hang", "backend": 1}),
        json!({"kind": "redirect"}),
        json!({"kind": "redirect", "to_backend": 5}),
        json!({"kind": "redirect", "status": 200, "location": "/"}),
        json!([{"kind": "reset"}, {"kind": "explode"}]),
        json!("reset"),
    ] {
        let refused = sim.try_control("POST", "/_sim/faults", wrong.clone());
        assert_eq!(refused.status, 400, "{wrong}");
        assert!(refused.json()["error"].is_string());
    }
    assert_eq!(sim.control("GET", "/_sim/faults", Value::Null), json!([]));
    assert_eq!(sim.try_control("DELETE", "/_sim/faults/77", Value::Null).status, 404);
}
