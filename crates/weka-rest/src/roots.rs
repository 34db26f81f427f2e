//! [`Anchors`]: what [`Trust`] comes to once files are read, and [`Loader`], which reads them.

use crate::{ApiError, Fingerprint, Trust};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// No bundle of authorities is near this long; a device or a log file named by mistake is cut off here.
const MAX_CA_FILE: u64 = 8 * 1024 * 1024;

/// How long the system's roots are kept. Reading them again at every call would cost 2 to 10 ms each, and
/// would grow the heap by far more than they take in it.
const KEEP_ROOTS: Duration = Duration::from_secs(60 * 60);

/// What a certificate is measured against.
#[derive(Debug, Clone)]
pub(crate) enum Anchors {
    /// Exactly this one.
    Pin(Fingerprint),
    /// A chain to an authority, or one of these certificates themselves.
    Roots {
        /// `None` where there is not a single authority to verify against.
        chains: Option<Arc<WebPkiServerVerifier>>,
        /// Certificates of `ca_file`, good as a server's own.
        exact: Vec<CertificateDer<'static>>,
    },
}

/// How far to look for somebody who vouches for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The pin or `ca_file` alone. Settles nearly every call, and saves the half MiB that the system's
    /// roots leave behind in the heap.
    Near,
    /// The system's roots too.
    Far,
}

impl Trust {
    /// Where a call begins.
    pub(crate) const fn first_reach(&self) -> Reach {
        match self {
            Self::CaFile(_) | Self::Fingerprint(_) => Reach::Near,
            Self::SystemRoots => Reach::Far,
        }
    }

    /// Reads what has to be read and says whether it can be used. Blocks on files.
    ///
    /// # Errors
    /// [`ApiError::Misconfigured`], naming the file, where `ca_file` cannot be read or holds no
    /// certificate.
    pub fn check(&self) -> Result<(), ApiError> {
        Anchors::load(self, Reach::Near).map(drop)
    }
}

impl Anchors {
    /// Reads `ca_file` and, if it reaches that far, the system's roots. Blocks on files.
    fn load(trust: &Trust, reach: Reach) -> Result<Self, ApiError> {
        let exact = match trust {
            Trust::Fingerprint(pin) => return Ok(Self::Pin(*pin)),
            Trust::SystemRoots => Vec::new(),
            Trust::CaFile(path) => read_pem(path)?,
        };
        let mut store = RootCertStore::empty();
        if reach == Reach::Far {
            // Roots that cannot be read are as good as absent: a server they would vouch for is then
            // reported as untrusted, and one in `ca_file` works all the same.
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        store.add_parsable_certificates(exact.iter().cloned());
        let chains = if store.is_empty() {
            None
        } else {
            let builder =
                WebPkiServerVerifier::builder_with_provider(Arc::new(store), crate::crypto::provider());
            Some(builder.build().map_err(|problem| ApiError::Misconfigured {
                reason: format!("the trusted roots cannot be used: {problem}"),
            })?)
        };
        Ok(Self::Roots { chains, exact })
    }
}

/// All certificates of a PEM file; other kinds of PEM sections are skipped.
fn read_pem(path: &Path) -> Result<Vec<CertificateDer<'static>>, ApiError> {
    let misconfigured = |problem: String| ApiError::Misconfigured {
        reason: format!("the CA file {} cannot be used: {problem}", path.display()),
    };
    let mut text = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_CA_FILE + 1).read_to_end(&mut text))
        .map_err(|problem| misconfigured(problem.to_string()))?;
    if text.len() as u64 > MAX_CA_FILE {
        return Err(misconfigured("it is longer than 8 MiB".into()));
    }
    let mut certificates = Vec::new();
    for section in CertificateDer::pem_slice_iter(&text) {
        let number = certificates.len() + 1;
        // The parser's own words could quote the file.
        let der = section
            .map_err(|_| misconfigured(format!("its certificate number {number} is not valid PEM")))?;
        if x509_parser::parse_x509_certificate(&der).is_err() {
            return Err(misconfigured(format!(
                "its certificate number {number} is not an X.509 certificate"
            )));
        }
        certificates.push(der);
    }
    if certificates.is_empty() {
        return Err(misconfigured(
            "it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)".into(),
        ));
    }
    Ok(certificates)
}

type Loading = JoinHandle<Result<Anchors, ApiError>>;

/// Reads roots and `ca_file` on a blocking thread. A read that hangs on a dead file system is taken up
/// again by the next call, so that retries do not pile up hung threads.
#[derive(Debug, Default)]
pub(crate) struct Loader {
    unfinished: Mutex<Option<(Reach, Loading)>>,
    /// The system's roots and when they were read; never with a `ca_file`, which is read at each call.
    kept: Mutex<Option<(Instant, Anchors)>>,
}

impl Loader {
    pub(crate) async fn load(&self, trust: &Trust, reach: Reach) -> Result<Anchors, ApiError> {
        if let Trust::Fingerprint(pin) = trust {
            return Ok(Anchors::Pin(*pin));
        }
        if *trust == Trust::SystemRoots {
            let kept = lock(&self.kept).clone();
            if let Some((_, anchors)) = kept.filter(|(read, _)| read.elapsed() < KEEP_ROOTS) {
                return Ok(anchors);
            }
        }
        let loaded = self.read(trust, reach).await?;
        if *trust == Trust::SystemRoots {
            *lock(&self.kept) = Some((Instant::now(), loaded.clone()));
        }
        Ok(loaded)
    }

    /// After a server was refused: the next call reads the system's roots anew, so that an authority
    /// installed meanwhile counts at once.
    pub(crate) fn forget(&self) {
        *lock(&self.kept) = None;
    }

    async fn read(&self, trust: &Trust, reach: Reach) -> Result<Anchors, ApiError> {
        let unfinished = lock(&self.unfinished).take();
        if let Some((began, task)) = unfinished {
            let loaded = self.wait(began, task).await;
            if began == reach {
                return loaded;
            }
        }
        let trust = trust.clone();
        self.wait(reach, tokio::task::spawn_blocking(move || Anchors::load(&trust, reach))).await
    }

    async fn wait(&self, reach: Reach, task: Loading) -> Result<Anchors, ApiError> {
        let mut claim = Claim { loader: self, task: Some((reach, task)) };
        let Some((_, task)) = &mut claim.task else { return Err(interrupted()) };
        let loaded = task.await.unwrap_or_else(|_| Err(interrupted()));
        claim.task = None;
        loaded
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn interrupted() -> ApiError {
    ApiError::Misconfigured { reason: "reading the trusted certificates was interrupted".into() }
}

/// Gives an unfinished read back when the call that waits for it is dropped.
struct Claim<'a> {
    loader: &'a Loader,
    task: Option<(Reach, Loading)>,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            *lock(&self.loader.unfinished) = Some(task);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chains(anchors: &Anchors) -> Option<*const WebPkiServerVerifier> {
        match anchors {
            Anchors::Roots { chains, .. } => chains.as_ref().map(Arc::as_ptr),
            Anchors::Pin(_) => None,
        }
    }

    #[tokio::test]
    async fn the_systems_roots_are_kept_until_a_server_is_refused() {
        let loader = Loader::default();
        let first = loader.load(&Trust::SystemRoots, Reach::Far).await.unwrap();
        let second = loader.load(&Trust::SystemRoots, Reach::Far).await.unwrap();
        assert_eq!(chains(&first), chains(&second));
        assert!(lock(&loader.kept).is_some());
        loader.forget();
        let third = loader.load(&Trust::SystemRoots, Reach::Far).await.unwrap();
        // `first` is still alive, so what was read anew is somewhere else (unless there are no roots).
        assert!(chains(&first).is_none() || chains(&first) != chains(&third));
    }

    #[tokio::test]
    async fn a_pin_reads_and_keeps_nothing() {
        let loader = Loader::default();
        let pin = Fingerprint::from([1; 32]);
        let anchors = loader.load(&Trust::Fingerprint(pin), Reach::Near).await.unwrap();
        assert!(matches!(anchors, Anchors::Pin(found) if found == pin));
        assert!(lock(&loader.kept).is_none());
    }

    #[test]
    fn only_the_systems_roots_start_far() {
        assert_eq!(Trust::SystemRoots.first_reach(), Reach::Far);
        assert_eq!(Trust::CaFile("x".into()).first_reach(), Reach::Near);
        assert_eq!(Trust::Fingerprint(Fingerprint::from([1; 32])).first_reach(), Reach::Near);
    }
}
