//! A running simulator: everything that is started, and its end.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::cluster::Cluster;
use crate::control;
use crate::options::{Options, StartError};
use crate::server::{Backend, Port};
use crate::tls::Identity;
use crate::users;

/// A simulated cluster that answers. Dropping it ends it.
#[derive(Debug)]
pub struct Simulator {
    cluster: Arc<Cluster>,
    control: SocketAddr,
    certificate_pem: Option<String>,
    ready_file: Option<PathBuf>,
    tasks: JoinSet<()>,
}

/// Starts a simulated cluster inside the current tokio runtime. When this returns, it answers.
///
/// # Errors
/// Where an address is taken, a file cannot be read or written, or no certificate can be made.
pub async fn start(options: Options) -> Result<Simulator, StartError> {
    let specs = match &options.users {
        Some(path) => users::load(path)?,
        None => users::default_specs(),
    };
    if !options.control.ip().is_loopback() {
        return Err(StartError::ControlNotLoopback(options.control));
    }
    let identity = options.tls.then(Identity::new).transpose()?;
    let acceptor = match &identity {
        Some(identity) => Some(TlsAcceptor::from(Arc::new(identity.server_config()?))),
        None => None,
    };
    let cluster = Arc::new(Cluster::new(&options, specs, identity)?);
    let mut backends = Vec::new();
    let (mut addresses, mut open) = (Vec::new(), Vec::new());
    for (number, wanted) in options.listen.iter().enumerate() {
        let listening = Port::reserve(*wanted).and_then(|port| {
            addresses.push(port.address);
            Backend::new(number, port, acceptor.clone())
        });
        let (backend, is_open) =
            listening.map_err(|source| StartError::Listen { address: *wanted, source })?;
        backends.push(backend);
        open.push(is_open);
    }
    cluster.set_backends(addresses);
    let address = options.control;
    let listen_error = |source| StartError::Listen { address, source };
    let control_listener = TcpListener::bind(address).await.map_err(listen_error)?;
    let control = control_listener.local_addr().map_err(listen_error)?;

    let mut tasks = JoinSet::new();
    for backend in backends {
        tasks.spawn(backend.run(Arc::clone(&cluster)));
    }
    tasks.spawn(control::run(control_listener, Arc::clone(&cluster), open));

    let certificate_pem = cluster.identity.as_ref().map(|identity| identity.certificate().pem);
    if let (Some(path), Some(pem)) = (&options.cert_file, &certificate_pem) {
        replace_file(path, pem)?;
    }
    let mut simulator = Simulator { cluster, control, certificate_pem, ready_file: None, tasks };
    if let Some(path) = options.ready_file {
        replace_file(&path, &simulator.announcement())?;
        simulator.ready_file = Some(path);
    }
    Ok(simulator)
}

impl Simulator {
    /// Base URLs of the backends, such as `https://127.0.0.1:40123`.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        (0..self.cluster.backends().len()).map(|number| self.cluster.url(number)).collect()
    }

    /// Base URL of the control channel; its paths begin with `/_sim`.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("http://{}", self.control)
    }

    /// `sha256:HEX` of the certificate's DER as it is now, with TLS.
    #[must_use]
    pub fn fingerprint(&self) -> Option<String> {
        self.cluster.identity.as_ref().map(|identity| identity.certificate().fingerprint)
    }

    /// The certificate made at start as PEM, with TLS.
    #[must_use]
    pub fn certificate_pem(&self) -> Option<&str> {
        self.certificate_pem.as_deref()
    }

    /// The lines that the program prints: `listening`, `fingerprint` (with TLS), `control`, then a `listening` line
    /// for each further backend.
    #[must_use]
    pub fn announcement(&self) -> String {
        let mut lines = String::new();
        let urls = self.urls();
        // Writing to a String cannot fail.
        let mut line = |key: &str, value: &str| writeln!(lines, "{key} {value}").unwrap_or_default();
        let (first, rest) = urls.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        line("listening", first);
        if let Some(fingerprint) = self.fingerprint() {
            line("fingerprint", &fingerprint);
        }
        line("control", &self.control_url());
        for url in rest {
            line("listening", url);
        }
        lines
    }

    /// Ends the simulator at once: listeners and connections are closed, the ready file is removed.
    pub async fn shutdown(mut self) {
        self.tasks.shutdown().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.tasks.abort_all();
        if let Some(path) = &self.ready_file {
            // Nothing to do if somebody else was faster.
            drop(std::fs::remove_file(path));
        }
    }
}

/// Writes a file so that readers see all of it or nothing.
fn replace_file(path: &Path, text: &str) -> Result<(), StartError> {
    let failed = |source| StartError::Write { path: path.to_owned(), source };
    let folder =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}", std::process::id()));
    let mut file = std::fs::File::create(&temporary).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|source| {
        drop(std::fs::remove_file(&temporary));
        failed(source)
    })
}
