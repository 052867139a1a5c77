//! Where dropfeed listens: Unix sockets, sockets of a service manager, TLS and its certificate.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio_rustls::rustls::{self, ClientConnection};

use crate::fixture::{Site, eventually, get, send};
use crate::http::authority::Authority;

const REQUEST: &str = "GET /-/healthy HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";

/// The answer to a request over a Unix socket.
fn ask(path: &Path, fields: &str) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(REQUEST.replace("\r\n\r\n", &format!("\r\n{fields}\r\n")).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Runs it until it ends by itself. Gives its exit status and its log.
fn refused(mut command: Command) -> (Option<i32>, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// The address after these words of the log.
fn address(site: &Site, words: &str) -> String {
    let mut found = None;
    // The site is started when the first of its listeners is logged.
    eventually(&format!("the log says {words:?}"), || {
        let log = site.log();
        let line = log.iter().find_map(|line| line.split_once(words));
        found = line.and_then(|(_, rest)| Some(rest.split([',', ' ']).next()?.to_owned()));
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn a_unix_socket_is_made_replaced_and_removed() {
    let mut site = Site::started(
        "server.listen = [\"127.0.0.1:0\", \"unix:http.sock\"]\nserver.unix_mode = \"0640\"",
    );
    let path = site.dir.path().join("http.sock");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    assert_eq!(address(&site, "listening on unix:"), path.display().to_string());
    assert!(ask(&path, "").starts_with("HTTP/1.1 200"));
    // It is in use now.
    let other = Site::new(&format!("server.listen = \"unix:{}\"", path.display()));
    let (status, log) = refused(other.command(&["serve"]));
    assert_eq!(status, Some(78), "{log}");
    let sentence =
        format!("unix:{} is in use by another program; set server.listen", path.display());
    assert!(log.contains(&sentence), "{log}");
    assert!(ask(&path, "").starts_with("HTTP/1.1 200"));
    site.stop();
    assert!(!path.exists());
    // One that a dead process left is replaced.
    site.start();
    site.kill();
    assert!(path.exists());
    site.start();
    assert!(ask(&path, "").starts_with("HTTP/1.1 200"));
    site.stop();
    // What is no socket stays.
    fs::write(&path, "mine").unwrap();
    let (status, log) = refused(site.command(&["serve"]));
    assert_eq!(status, Some(78), "{log}");
    assert!(log.contains("the file is not a socket, and is not replaced"), "{log}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

/// As the examples of `tls.listen` and `tls.redirect_listen` have it.
#[test]
fn a_port_is_listened_on_over_ipv4_and_ipv6() {
    // Where there is no IPv6, there is nothing to share.
    let Ok(listener) = TcpListener::bind("[::1]:0") else { return };
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let both = format!("server.listen = [\"0.0.0.0:{port}\", \"[::]:{port}\"]");
    let wide = format!("server.listen = [\"[::]:{port}\", \"127.0.0.1:{port}\"]");
    // Alone, it takes IPv4 as well, as it always did.
    let alone = format!("server.listen = \"[::]:{port}\"");
    let mut site = Site::new("");
    for settings in [both, wide, alone] {
        site.configure(&settings);
        site.start();
        for host in ["127.0.0.1", "[::1]"] {
            let answer = get(&format!("{host}:{port}"), "/-/healthy", "");
            assert_eq!(answer.status, 200, "{host} with {settings}");
        }
        site.stop();
    }
}

#[test]
fn the_readers_behind_a_unix_socket_are_counted() {
    let site = Site::started(
        "server.listen = [\"127.0.0.1:0\", \"unix:http.sock\"]\nserver.trusted_proxies = \"unix\"\n\
         server.connections_per_address = 1",
    );
    let path = site.dir.path().join("http.sock");
    // More connections than a reader may have requests: they belong to the proxy.
    let held: Vec<UnixStream> = (0..5).map(|_| UnixStream::connect(&path).unwrap()).collect();
    for fields in ["", "X-Forwarded-For: 192.0.2.1\r\n", "Forwarded: for=192.0.2.1\r\n"] {
        assert!(ask(&path, fields).starts_with("HTTP/1.1 200"), "{fields}");
    }
    drop(held);
}

/// The sockets are on the descriptors from 3 on, as systemd passes them: the shell moves there what
/// it gets as its standard input, and keeps its process number.
#[test]
fn a_unix_socket_of_the_service_manager_is_used() {
    let site = Site::new("server.listen = \"127.0.0.1:1\"\nsite.url = \"https://test.example/\"");
    let path = site.dir.path().join("passed.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let daemon = site.command(&["serve"]);
    let script = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).arg(daemon.get_program()).args(daemon.get_args());
    shell.stdin(Stdio::from(OwnedFd::from(listener))).stderr(Stdio::piped());
    let child = shell.spawn().unwrap();
    // The backlog of the socket holds the request until it is served.
    assert!(ask(&path, "").starts_with("HTTP/1.1 200"));
    let stopped = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    let ended = child.wait_with_output().unwrap();
    assert!(stopped.success() && ended.status.success());
    let log = String::from_utf8(ended.stderr).unwrap();
    let unused = "server.listen (127.0.0.1:1) is not used: the service manager passed the sockets";
    assert_eq!(log.matches(unused).count(), 1, "{log}");
    // It was not made here.
    assert!(path.exists());
}

/// An operator has to change the unit: a restart would not help.
#[test]
fn a_socket_of_the_service_manager_that_takes_no_connections_is_refused() {
    let site = Site::new("");
    let path = site.dir.path().join("passed.sock");
    let (pipe, _writer) = std::io::pipe().unwrap();
    // As from a unit with `Accept=yes`.
    let (one_end, _other_end) = UnixStream::pair().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    for passed in [
        OwnedFd::from(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()),
        OwnedFd::from(std::os::unix::net::UnixDatagram::bind(&path).unwrap()),
        OwnedFd::from(pipe),
        OwnedFd::from(one_end),
        OwnedFd::from(connection),
    ] {
        let daemon = site.command(&["serve"]);
        let script = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" \"$@\"";
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(script).arg(daemon.get_program()).args(daemon.get_args());
        let ended = shell.stdin(Stdio::from(passed)).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(78), "{said}");
        let sentence = "the sockets that the service manager passed cannot be used: ";
        assert!(said.contains(sentence) && said.lines().count() == 1, "{said}");
    }
}

/// Nothing says whom such a socket lets in.
#[test]
fn a_socket_of_the_service_manager_does_not_go_with_callbacks_on_loopback() {
    let site = Site::new("websub.loopback_callbacks = true");
    let listener = UnixListener::bind(site.dir.path().join("passed.sock")).unwrap();
    let daemon = site.command(&["serve"]);
    let script = "exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec \"$0\" \"$@\"";
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(script).arg(daemon.get_program()).args(daemon.get_args());
    shell.stdin(Stdio::from(OwnedFd::from(listener))).stderr(Stdio::piped());
    let mut child = shell.spawn().unwrap();
    let mut status = None;
    // What it says fits into the pipe.
    eventually("it is refused", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.unwrap().code(), Some(78), "{said}");
    assert!(said.contains("websub.loopback_callbacks is for tests"), "{said}");
}

/// The settings of a site with TLS.
fn with_tls(authority: &Authority, more: &str) -> String {
    format!(
        "site.url = \"https://test.example/\"\ntls.listen = \"127.0.0.1:0\"\ntls.certificate = {:?}\ntls.key = {:?}\n{more}",
        authority.certificate(),
        authority.key()
    )
}

/// The answer to a request over TLS; an error if the certificate is not the one that is trusted.
fn ask_tls(address: &str, authority: &Authority) -> std::io::Result<String> {
    let mut tcp = TcpStream::connect(address)?;
    let name = "localhost".try_into().unwrap();
    let mut tls = ClientConnection::new(authority.client(&[]), name).unwrap();
    let mut stream = rustls::Stream::new(&mut tls, &mut tcp);
    stream.write_all(REQUEST.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn a_renewed_certificate_is_taken_under_load() {
    let mut authority = Authority::new();
    let site = Site::started(&with_tls(&authority, "tls.hsts_max_age_s = 300"));
    let tls = address(&site, "listening on https://");
    let answer = ask_tls(&tls, &authority).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\r\nstrict-transport-security: max-age=300\r\n"), "{answer}");
    assert!(!site.get("/-/healthy").head.contains("strict-transport-security"));
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        // Whatever certificate it has, it answers every handshake.
        let load = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                TcpStream::connect(&tls).and_then(|mut stream| stream.write_all(b"\x16")).unwrap();
            }
        });
        // By itself, within two looks.
        authority.renew();
        eventually("the new certificate is in use", || ask_tls(&tls, &authority).is_ok());
        // At once, when asked.
        authority.renew();
        assert!(ask_tls(&tls, &authority).is_err());
        site.hang_up();
        eventually("the next certificate is in use", || ask_tls(&tls, &authority).is_ok());
        is_over.store(true, Ordering::Relaxed);
        load.join().unwrap();
    });
    let taken = |site: &Site| site.log().iter().filter(|line| line.contains("is in use")).count();
    assert_eq!(taken(&site), 2, "{:#?}", site.log());
    // A bad pair is named, and changes nothing.
    authority.put("nothing", "nothing");
    site.hang_up();
    eventually("it is reported", || {
        site.log().iter().any(|line| {
            line.contains("has no certificate in PEM format; the previous certificate stays in use")
        })
    });
    assert!(ask_tls(&tls, &authority).is_ok());
    let degraded =
        |site: &Site| site.get("/-/ready").text().contains("\ndegraded: tls.certificate ");
    assert!(degraded(&site));
    let (status, said) = refused(site.command(&["reload"]));
    assert_eq!(status, Some(78), "{said}");
    assert!(said.contains(": tls.certificate "), "{said}");
    // It is over once a good pair is there.
    authority.renew();
    eventually("it is served again", || ask_tls(&tls, &authority).is_ok() && !degraded(&site));
    let (status, said) = refused(site.command(&["reload"]));
    assert_eq!(status, Some(0), "{said}");
}

/// As with `LoadCredential=` in a unit. Commands in a shell have no credentials, and need none.
#[test]
fn the_certificate_and_its_key_may_be_credentials() {
    let authority = Authority::new();
    let mut site = Site::new(
        "site.url = \"https://test.example/\"\ntls.listen = \"127.0.0.1:0\"\n\
         tls.certificate = \"credential:cert.pem\"\ntls.key = \"credential:key.pem\"",
    );
    let (status, log) = refused(site.command(&["serve"]));
    assert_eq!(status, Some(78), "{log}");
    let sentence = "tls.certificate is the credential \"cert.pem\", which the service manager did not pass; add \
                    LoadCredential=cert.pem:PATH to the unit";
    assert!(log.contains(sentence), "{log}");
    let mut without = site.command(&["status"]);
    site.set_env("CREDENTIALS_DIRECTORY", authority.certificate().parent().unwrap());
    site.start();
    let tls = address(&site, "listening on https://");
    assert!(ask_tls(&tls, &authority).unwrap().starts_with("HTTP/1.1 200"));
    let output = without.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = site.command(&["reload"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(ask_tls(&tls, &authority).is_ok());
}

#[test]
fn without_a_usable_certificate_it_does_not_start() {
    let authority = Authority::new();
    let site = Site::new(&with_tls(&authority, ""));
    authority.put(&fs::read_to_string(authority.certificate()).unwrap(), "nothing");
    let (status, log) = refused(site.command(&["serve"]));
    assert_eq!(status, Some(78), "{log}");
    assert!(log.contains("has no private key in PEM format"), "{log}");
}

#[test]
fn a_listener_redirects_to_the_site() {
    let authority = Authority::new();
    let site = Site::started(&with_tls(&authority, "tls.redirect_listen = \"127.0.0.1:0\""));
    let mut found = None;
    eventually("the redirecting listener is logged", || {
        found = site.log().into_iter().find(|line| line.contains("redirecting to"));
        found.is_some()
    });
    let line = found.unwrap();
    let address = line.split("http://").nth(1).unwrap().split(',').next().unwrap().to_owned();
    // Without an article, there is a snapshot after the first scan.
    eventually("the site is published", || site.get("/rss.xml").status == 200);
    for (path, status, location) in [
        ("/", 301, Some("https://test.example/")),
        ("/a/b?c=d&e", 301, Some("https://test.example/a/b?c=d&e")),
        ("//evil.example/%2e%2e", 301, Some("https://test.example//evil.example/%2e%2e")),
        ("http://evil.example/a", 301, Some("https://test.example/a")),
    ] {
        let response = get(&address, path, "");
        assert_eq!((response.status, response.header("location")), (status, location), "{path}");
        assert_eq!(response.header("strict-transport-security"), None);
    }
    // A form for the hub is sent again as what it is, and what no URL of the site takes is refused.
    let there = Some("https://test.example/-/hub");
    for (method, status, location) in [
        ("HEAD", 301, there),
        ("OPTIONS", 301, there),
        ("POST", 308, there),
        ("PUT", 405, None),
        ("DELETE", 405, None),
        ("PATCH", 405, None),
        ("TRACE", 405, None),
        ("CONNECT", 405, None),
        ("PROPFIND", 501, None),
    ] {
        let (target, body) = match method {
            "CONNECT" => ("test.example:443", ""),
            "POST" => ("/-/hub", "Content-Length: 3\r\n\r\na=b"),
            _ => ("/-/hub", ""),
        };
        let end = if body.is_empty() { "\r\n" } else { body };
        let request =
            format!("{method} {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{end}");
        let response = send(&address, &request);
        assert_eq!((response.status, response.header("location")), (status, location), "{method}");
    }
    let nameless = "POST /-/hub HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    assert_eq!(send(&address, nameless).status, 400);
}
