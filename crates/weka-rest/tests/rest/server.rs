//! A raw server: each connection is a thread that reads one request and lets the test write whatever it
//! likes. Requests are logged as they came.

use crate::certs::Cert;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use weka_rest::{Client, Endpoint, Settings, Trust};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What the test writes to.
pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

type Handler = dyn Fn(&Request, &mut dyn Stream) -> io::Result<()> + Send + Sync;

#[derive(Debug, Default)]
struct Log {
    requests: Vec<Request>,
    connections: usize,
    /// Bytes inside TLS (or on the bare connection) besides whole requests.
    strays: Vec<u8>,
}

pub(crate) struct Server {
    port: u16,
    tls: bool,
    log: Arc<Mutex<Log>>,
    stop: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
    acceptor: Option<JoinHandle<()>>,
}

impl Server {
    /// Plain http.
    pub(crate) fn http(
        handler: impl Fn(&Request, &mut dyn Stream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::start(None, Arc::new(handler))
    }

    /// TLS with this certificate.
    pub(crate) fn tls(cert: &Cert) -> Self {
        Self::tls_with(cert.server_config(), |_, stream| json(stream, 200, TOKENS))
    }

    pub(crate) fn tls_with(
        config: ServerConfig,
        handler: impl Fn(&Request, &mut dyn Stream) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(Arc::new(config)), Arc::new(handler))
    }

    /// Answers every request with these very bytes.
    pub(crate) fn raw(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self::http(move |_, stream| stream.write_all(bytes.as_ref()))
    }

    /// Answers every request with this status and JSON.
    pub(crate) fn json(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self::http(move |_, stream| json(stream, status, &body))
    }

    fn start(tls: Option<Arc<ServerConfig>>, handler: Arc<Handler>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let log = Arc::new(Mutex::new(Log::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let open: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let is_tls = tls.is_some();
        let acceptor = {
            let (log, stop, open) = (Arc::clone(&log), Arc::clone(&stop), Arc::clone(&open));
            std::thread::spawn(move || {
                let mut threads = Vec::new();
                for stream in listener.incoming() {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let stream = stream.unwrap();
                    let whole = stream.try_clone().unwrap();
                    open.lock().unwrap().push(stream.try_clone().unwrap());
                    log.lock().unwrap().connections += 1;
                    let (tls, handler, log) = (tls.clone(), Arc::clone(&handler), Arc::clone(&log));
                    threads.push(std::thread::spawn(move || {
                        // How a connection ends is the client's business; the log tells what it said.
                        let _ended = match tls {
                            None => converse(stream, &handler, &log),
                            Some(config) => {
                                let session = ServerConnection::new(config).unwrap();
                                converse(StreamOwned::new(session, stream), &handler, &log)
                            }
                        };
                        let _closed = whole.shutdown(Shutdown::Both);
                    }));
                }
                for thread in threads {
                    thread.join().unwrap();
                }
            })
        };
        Self { port, tls: is_tls, log, stop, open, acceptor: Some(acceptor) }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens, under its IP address (http) or the name in its certificate (TLS).
    pub(crate) fn endpoint(&self) -> Endpoint {
        let (scheme, host) = if self.tls { ("https", "localhost") } else { ("http", "127.0.0.1") };
        format!("{scheme}://{host}:{}", self.port).parse().unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(settings(&[self.endpoint()], Trust::SystemRoots))
    }

    pub(crate) fn client_with(&self, trust: Trust) -> Client {
        Client::new(settings(&[self.endpoint()], trust))
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.log.lock().unwrap().requests.clone()
    }

    pub(crate) fn only_request(&self) -> Request {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests[0].clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.log.lock().unwrap().connections
    }

    /// Ends it once every open conversation is over; what came in besides whole requests. Waits on a
    /// thread of its own, since the client's runtime has to go on for its connections to close.
    pub(crate) async fn finish(mut self) -> Vec<u8> {
        self.stop.store(true, Ordering::SeqCst);
        let _wake = TcpStream::connect(("127.0.0.1", self.port));
        let acceptor = self.acceptor.take().unwrap();
        tokio::task::spawn_blocking(move || acceptor.join().unwrap()).await.unwrap();
        std::mem::take(&mut self.log.lock().unwrap().strays)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _wake = TcpStream::connect(("127.0.0.1", self.port));
        for stream in self.open.lock().unwrap().drain(..) {
            let _closed = stream.shutdown(Shutdown::Both);
        }
        if let Some(acceptor) = self.acceptor.take() {
            let _ended = acceptor.join();
        }
    }
}

fn converse(mut stream: impl Stream, handler: &Arc<Handler>, log: &Arc<Mutex<Log>>) -> io::Result<()> {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    let head_end = loop {
        if let Some(at) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => received.extend_from_slice(&buffer[..n]),
            ended => {
                log.lock().unwrap().strays.extend_from_slice(&received);
                return ended.map(drop);
            }
        }
    };
    let head = String::from_utf8(received[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let mut request = Request { line, headers, body: String::new() };
    let length: usize = request.header("content-length").map_or(0, |value| value.parse().unwrap());
    while received.len() < head_end + length {
        let n = stream.read(&mut buffer)?;
        assert!(n > 0, "the request's body ends early");
        received.extend_from_slice(&buffer[..n]);
    }
    request.body = String::from_utf8(received[head_end..head_end + length].to_vec()).unwrap();
    {
        let mut log = log.lock().unwrap();
        log.strays.extend_from_slice(&received[head_end + length..]);
        log.requests.push(request.clone());
    }
    handler(&request, &mut stream)?;
    stream.flush()
}

/// A good answer to login and refresh.
pub(crate) const TOKENS: &str = r#"{"data":{"access_token":"acc-1","token_type":"Bearer","expires_in":300,"refresh_token":"ref-1","password_change_required":false}}"#;

/// Writes a whole answer with a length.
pub(crate) fn json(stream: &mut dyn Stream, status: u16, body: &str) -> io::Result<()> {
    answer(stream, status, "Content-Type: application/json\r\n", body)
}

/// Writes a whole answer with a length and these further header lines.
pub(crate) fn answer(stream: &mut dyn Stream, status: u16, headers: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(stream, "HTTP/1.1 {status} Whatever\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

/// Keeps the connection open, saying nothing, until the client goes away.
pub(crate) fn hang(stream: &mut dyn Stream) -> io::Result<()> {
    let mut buffer = [0; 64];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Settings with limits no test comes near, unless it means to.
pub(crate) fn settings(endpoints: &[Endpoint], trust: Trust) -> Settings {
    Settings {
        endpoints: endpoints.to_vec(),
        trust,
        connect_timeout: Duration::from_secs(20),
        request_timeout: Duration::from_secs(30),
        allow_http: false,
    }
}
