//! What the help texts and the manual pages say after the options.
//!
//! Nothing wraps these lines, so each fits a terminal of 80 columns. `after_help` takes them apart for manual pages: a
//! section begins after an empty line, and `Heading:` names it.

pub(super) const PROGRAM: &str = "\
Examples:
  weka-token login --endpoint https://weka01:14000 --user alice
  weka-token get --format header | curl -H @- https://weka01:14000/api/v2/alerts
  weka-token status --watch

Durations: DUR is 30s, 5m, 2h, 1d, 1d5h or 1w, or a number of seconds.

Exit status:
  0  done
  1  failed
  2  the command line is wrong
  3  no daemon listens
  4  a person is needed: log in, trust a certificate, or wait for the end of a
     lockout
  5  no valid token, and the cluster cannot be reached
  6  not permitted

Environment:
  WEKA_TOKEN_SOCKET   as --socket
  WEKA_TOKEN_PROFILE  as --profile
  WEKA_HOST, WEKA_PORT, WEKA_ORG, WEKA_USERNAME
                      what `login` and `trust` take where neither an option nor
                      the profile says
  NO_COLOR            no colours, even on a terminal";

pub(super) const GET: &str = "\
Formats:
  raw     the token and a newline
  header  `Authorization: Bearer TOKEN`, for `curl -H @-`
  json    one line of JSON with life, profile, endpoint and user
  env     `export WEKA_ACCESS_TOKEN='...'`, for `eval`
  curl    `header = \"Authorization: Bearer TOKEN\"`, for `curl --config -`

Durations: DUR is 30s, 5m, 2h, 1d, 1d5h or 1w, or a number of seconds.

Examples:
  TOKEN=$(weka-token get)
  weka-token get --format header | curl -H @- https://weka01:14000/api/v2/alerts
  weka-token get -p prod --min-ttl 2m --timeout 30s --format json";

pub(super) const LOGIN: &str = "\
What is not given comes from the profile, then from WEKA_HOST, WEKA_PORT,
WEKA_ORG and WEKA_USERNAME, then from questions, where standard input is a
terminal.

Examples:
  weka-token login
  weka-token login -p prod --endpoint weka01 --endpoint weka02 --org research
  weka-token login --user alice --token-file
  weka-token login --password-stdin --fingerprint sha256:... < password-file";

pub(super) const TRUST: &str = "\
What is not given comes from the profile, then from WEKA_HOST and WEKA_PORT.
With neither --ca-file nor --fingerprint, a certificate that is not trusted yet
is shown on the terminal, and trusted once a person says so.

Examples:
  weka-token trust
  weka-token trust -p prod --endpoint weka01 --ca-file /etc/weka/ca.pem";

pub(super) const LOGOUT: &str = "\
The profile's sinks go, too, and so does its token file if it holds these
tokens. Its password source is left unused until the next login. At the cluster
the user's other sessions go on, unless --revoke ends them all.

Examples:
  weka-token logout
  weka-token logout -p prod --revoke";

pub(super) const REFRESH: &str = "\
The daemon renews tokens by itself, before they expire; this is for what cannot
wait, such as a role that has just been changed.

Example:
  weka-token refresh -p prod";

pub(super) const WHOAMI: &str = "\
Examples:
  weka-token whoami
  weka-token whoami -p prod --json";

pub(super) const FILESYSTEMS: &str = "\
Needs a role that may look at filesystems: ClusterAdmin, TenantAdmin (OrgAdmin
up to 5.0), ReadOnly or CSI.

Examples:
  weka-token filesystems
  weka-token filesystems -p prod --json";

pub(super) const MOUNT_TOKEN: &str = "\
It is long-lived, and whoever has it can mount the filesystem: hand it on by a
pipe or a private file, not on a command line. With --read-only or --expires the
command fails rather than print a token that is known to allow more; what the
cluster's answer does not tell is said on standard error.

Durations: DUR is 30s, 5m, 2h, 1d, 1d5h or 1w, or a number of seconds.

Examples:
  weka-token mount-token secure --read-only --expires 1h
  weka-token mount-token secure -p prod --json";

pub(super) const EXEC: &str = "\
WEKA_TOKEN names a token file for the command alone, of mode 0600: WEKA's own
tools find it by that name. It is replaced as a whole at each renewal, and gone
when the command has ended. A pair that the command renews by itself, as WEKA's
tools do, becomes the daemon's. Who is allowed no more than the access token
gets a file without refresh token.

Signals are passed on to the command.

Exit status: the command's own; 128 + N where signal N ended it; 127 where it is
not found, 126 where it cannot be run, 125 where weka-token failed before.

Examples:
  weka-token exec -- weka status
  weka-token exec -p prod -- sh -c 'exec my-job --token-file \"$WEKA_TOKEN\"'";

pub(super) const CURL: &str = "\
The system's curl is run with the endpoint that answers, the profile's trust and
a live token. A whole URL does for PATH, too, if its host is one of the
profile's endpoints: then it is that one. Everything behind PATH is curl's own,
standard input included.

The token is handed over on a descriptor, and is in neither arguments nor
environment. It goes to the profile's endpoints and to no other host, whatever a
redirect or a further URL says: those connect to the endpoints, too. What is
behind --next is a request of its own, without token, trust and limits. With -L,
a redirect to another endpoint takes the token along only with
--location-trusted. Neither ~/.curlrc nor a proxy from the environment is used
(say -K or -x). What -v, --trace and --libcurl show includes the token.

Exit status: curl's own; 127 where curl is not found, 126 where it cannot be
run, 125 where weka-token failed before.

Examples:
  weka-token curl /api/v2/cluster
  weka-token curl -p prod /api/v2/fileSystems -sS --fail
  weka-token curl /api/v2/fileSystems -X POST -d @new.json \\
      -H 'Content-Type: application/json'";

pub(super) const STATUS: &str = "\
Exit status: 0 if every profile shown has a live token, else the higher of 4 (a
person is needed) and 5 (the cluster cannot be reached, or not yet).

Examples:
  weka-token status --watch
  weka-token status -p prod --json
  weka-token status --prometheus > /var/lib/node_exporter/weka-token.prom";

pub(super) const UI: &str = "\
It runs weka-token-ui, which is looked for beside this program and then in PATH.

Exit status: that of weka-token-ui, or
  126  it cannot be run
  127  it is not installed

Example:
  weka-token ui -p prod";

pub(super) const GENERATE: &str = "\
The token is the caller's alone: weka-token keeps no copy, and only
revoke-tokens ends it before its time. The cluster may grant less than is asked
for: then what it granted is said. A user from LDAP may get no more than a few
minutes.

Durations: DUR is 30s, 5m, 2h, 1d, 1d5h or 1w, or a number of seconds.

Examples:
  TOKEN=$(weka-token generate-token --access-token-timeout 7d)
  weka-token generate-token --copy";

pub(super) const REVOKE: &str = "\
Without USERNAME it is the profile's own user: the daemon then logs in again
from its password source, or waits for weka-token login. What is mounted stays
mounted. It asks first on a terminal; without one, --yes is needed.

Examples:
  weka-token revoke-tokens
  weka-token revoke-tokens bob --yes";

pub(super) const PASSWD: &str = "\
Examples:
  weka-token passwd
  printf '%s\\n' \"$OLD\" \"$NEW\" | weka-token passwd --password-stdin";

pub(super) const DOCTOR: &str = "\
It changes nothing, and sends no password and no token. What only the daemon can
look at (names, connections, certificates, clocks) is not checked where there is
none.

Exit status: 0 if nothing needs a person, 1 if something does, 3 if there is no
daemon.

Examples:
  weka-token doctor
  weka-token doctor -p prod --json";

pub(super) const PROFILES: &str = "\
What is changed is saved to the configuration, with its comments and its order,
and holds at once. A profile that is renamed stays logged in; the tokens of one
that is removed are forgotten.

Examples:
  weka-token profiles
  weka-token profiles rename default lab
  weka-token profiles set-default lab";

pub(super) const PROFILES_ADD: &str = "\
Example:
  weka-token profiles add prod && weka-token login -p prod";

pub(super) const PROFILES_RENAME: &str = "\
Example:
  weka-token profiles rename default lab";

pub(super) const COMPLETIONS: &str = "\
Example:
  weka-token completions bash > /etc/bash_completion.d/weka-token";

pub(super) const MAN: &str = "\
Example:
  weka-token man ~/.local/share/man/man1";
