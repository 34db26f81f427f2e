//! The cluster itself, its processes and its containers.

use std::collections::HashMap;

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Answer, Ex, Extension};
use crate::clock::iso_date;
use crate::cluster::Cluster;
use crate::reply::{data, json_reply};
use crate::users::Permission;

/// The release simulated.
const RELEASE: &str = "5.1.0";

/// The clients that are part of every simulated cluster, besides its backends.
const CLIENT: &str = "weka-sim-client";

pub(super) async fn cluster(Extension(exchange): Ex) -> Answer {
    exchange.caller(Permission::Look)?;
    Ok(data(summary(&exchange.cluster, exchange.skew_ms)))
}

/// `GET /cluster`, and `status` of JSON-RPC.
pub(super) fn summary(cluster: &Cluster, skew_ms: i64) -> Value {
    let backends = cluster.backends().len();
    json!({
        "name": cluster.name,
        "guid": "0c9f5a54-7b0e-4a57-9d3e-5f2c1e8a6b40",
        "release": RELEASE,
        "release_hash": "3f1d2c4b5a69788796a5b4c3d2e1f00112233445",
        "init_stage": "INITIALIZED",
        "io_status": "STARTED",
        "status": "OK",
        "is_cluster": true,
        "capacity": {
            "total_bytes": 1_099_511_627_776_000_u64,
            "hot_spare_bytes": 54_975_581_388_800_u64,
            "unprovisioned_bytes": 989_560_464_998_400_u64,
        },
        "hosts": {
            "total_count": backends + 1,
            "active_count": backends + 1,
            "backends": {"total": backends, "active": backends},
            "clients": {"total": 1, "active": 1},
        },
        "time": {
            "cluster_time": iso_date(crate::clock::skewed(cluster.clock.now_ms(), skew_ms)),
            "allowed_clock_skew_secs": 60,
        },
    })
}

/// The client software asks this without a token.
pub(super) fn software_release(cluster: &Cluster) -> Value {
    json!({"software_release": RELEASE, "cluster_name": cluster.name})
}

fn ip(address: std::net::SocketAddr) -> String {
    let unspecified = address.ip().is_unspecified();
    if unspecified { "127.0.0.1".to_owned() } else { address.ip().to_string() }
}

/// One management, one compute and one drive process per backend, and a client's frontend.
pub(super) fn processes(cluster: &Cluster) -> Vec<Value> {
    let mut all = Vec::new();
    let mut add = |hostname: String, mode: &str, role: &str, ip: String, port: u16| {
        let number = all.len();
        all.push(json!({
            "id": format!("NodeId<{number}>"),
            "uid": format!("b7d4c2a0-1f3e-4d5c-8b6a-{number:012x}"),
            "hostname": hostname,
            "mode": mode,
            "roles": [role],
            "ips": [ip],
            "mgmt_ips": [ip],
            "mgmt_port": port,
            "status": "UP",
            "is_leader": number == 0,
        }));
    };
    for (number, address) in cluster.backends().iter().enumerate() {
        for role in ["MANAGEMENT", "COMPUTE", "DRIVES"] {
            add(format!("weka-sim-{number}"), "backend", role, ip(*address), address.port());
        }
    }
    add(CLIENT.to_owned(), "client", "FRONTEND", "127.0.0.1".to_owned(), 14_000);
    all
}

pub(super) fn containers(cluster: &Cluster) -> Vec<Value> {
    let backends = cluster.backends().iter().enumerate();
    let mut all: Vec<(String, &str, String, u16)> = backends
        .map(|(number, address)| (format!("weka-sim-{number}"), "backend", ip(*address), address.port()))
        .collect();
    all.push((CLIENT.to_owned(), "client", "127.0.0.1".to_owned(), 14_000));
    let shown = all.into_iter().enumerate().map(|(number, (hostname, mode, ip, port))| {
        json!({
            "id": format!("HostId<{number}>"),
            "uid": format!("c8e5d3b1-2a4f-4e6d-9c7b-{number:012x}"),
            "hostname": hostname,
            "ips": [ip],
            "host_ip": ip,
            "mgmt_port": port,
            "mode": mode,
            "state": "ACTIVE",
            "status": "UP",
            "sw_version": RELEASE,
        })
    });
    shown.collect()
}

pub(super) async fn list_processes(Extension(exchange): Ex, query: Query<HashMap<String, String>>) -> Answer {
    exchange.caller(Permission::Look)?;
    let filter = query.get("filter_type").map_or("All", String::as_str);
    let chosen = |process: &Value| match filter {
        "Backends" => process["mode"] == "backend",
        "Clients" => process["mode"] == "client",
        "Leader" | "Leadership" => process["is_leader"] == true,
        _ => true,
    };
    Ok(data(processes(&exchange.cluster).into_iter().filter(chosen).collect()))
}

pub(super) async fn list_containers(Extension(exchange): Ex) -> Answer {
    exchange.caller(Permission::Look)?;
    Ok(data(containers(&exchange.cluster).into()))
}

/// A bare string, without the envelope and without a token.
pub(super) async fn healthcheck() -> Response {
    json_reply(StatusCode::OK, &json!("ok"))
}
