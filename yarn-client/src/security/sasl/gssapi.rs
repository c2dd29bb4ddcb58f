//! GSSAPI of MIT Kerberos, loaded when it is first needed. The only file of the workspace with unsafe code.
//!
//! What leaves this file is safe: [`Credentials`] to prove oneself with, and a [`Context`] with one server. Calls that may talk
//! to a KDC block. The functions are those of RFC 2744; `gss_acquire_cred_from` came with MIT Kerberos 1.11.
#![expect(
    unsafe_code,
    reason = "a C library that is loaded at run time, so that programs start where it is missing"
)]

mod names;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::OnceLock;
use std::{fmt, ptr};

use bytes::Bytes;

pub(crate) use names::{full_name, realm_of_host};

use super::krb5::Conversation;
use crate::security::kerberos::Status;

/// The library's file name.
pub(crate) const LIBRARY: &str = "libgssapi_krb5.so.2";

/// 1.2.840.113554.1.2.2, the mechanism Kerberos 5 (RFC 1964).
const KERBEROS: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
/// 1.3.6.1.5.5.2, SPNEGO, which puts Kerberos into an envelope for web servers (RFC 4178).
const SPNEGO: &[u8] = b"\x2b\x06\x01\x05\x05\x02";
/// 1.2.840.113554.1.2.2.1, names as Kerberos writes them: `name/host@REALM` (RFC 1964, 2.1.1).
const PRINCIPAL_NAME: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01";
/// 1.2.840.113554.1.2.1.4, names of services: `name@host` (RFC 2744, 4.1).
const SERVICE_NAME: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";

const INITIATE: c_int = 1;
const ACCEPT: c_int = 2;
const INDEFINITE: u32 = u32::MAX;
const GSS_CODE: c_int = 1;
const MECHANISM_CODE: c_int = 2;
const CONTINUE_NEEDED: u32 = 1;
/// Calling and routine errors; what is below says more about a success.
const ERRORS: u32 = 0xffff_0000;
/// `GSS_C_MUTUAL_FLAG | REPLAY | SEQUENCE | CONF | INTEG`. No delegation: servers of Hadoop's ask for tokens instead.
const FLAGS: u32 = 2 | 4 | 8 | 16 | 32;
/// Of an error text.
const MOST_PARTS: usize = 8;

#[repr(C)]
struct Buffer {
    length: usize,
    value: *mut c_void,
}

#[repr(C)]
struct Oid {
    length: u32,
    elements: *mut c_void,
}

#[repr(C)]
struct KeyValue {
    key: *const c_char,
    value: *const c_char,
}

#[repr(C)]
struct KeyValueSet {
    count: u32,
    elements: *mut KeyValue,
}

type Handle = *mut c_void;

macro_rules! functions {
    ($($name:ident = $symbol:literal($($argument:ty),*);)*) => {
        /// The functions that are used.
        struct Functions {
            $($name: unsafe extern "C" fn(minor: *mut u32, $($argument),*) -> u32,)*
            /// Keeps their code in memory.
            _library: libloading::Library,
        }

        impl Functions {
            fn load() -> Result<Self, libloading::Error> {
                // SAFETY: the initialisers of libgssapi_krb5 only set up locks and error tables, and may run on any thread.
                let library = unsafe { libloading::Library::new(LIBRARY) }?;
                Ok(Self {
                    // SAFETY: the signatures are those of RFC 2744 and of MIT's gssapi_ext.h, with pointers for its opaque types. The
                    // addresses stay valid, as the library lives as long as they do.
                    $($name: *unsafe { library.get($symbol) }?,)*
                    _library: library,
                })
            }
        }
    };
}

functions! {
    import_name = b"gss_import_name\0"(*const Buffer, *const Oid, *mut Handle);
    canonicalize_name = b"gss_canonicalize_name\0"(Handle, *const Oid, *mut Handle);
    display_name = b"gss_display_name\0"(Handle, *mut Buffer, *mut *mut Oid);
    release_name = b"gss_release_name\0"(*mut Handle);
    acquire_cred_from = b"gss_acquire_cred_from\0"(
        Handle, u32, *mut c_void, c_int, *const KeyValueSet, *mut Handle, *mut *mut c_void, *mut u32
    );
    inquire_cred = b"gss_inquire_cred\0"(Handle, *mut Handle, *mut u32, *mut c_int, *mut *mut c_void);
    release_cred = b"gss_release_cred\0"(*mut Handle);
    init_sec_context = b"gss_init_sec_context\0"(
        Handle, *mut Handle, Handle, *const Oid, u32, u32, *mut c_void, *const Buffer, *mut *mut Oid, *mut Buffer,
        *mut u32, *mut u32
    );
    delete_sec_context = b"gss_delete_sec_context\0"(*mut Handle, *mut Buffer);
    wrap = b"gss_wrap\0"(Handle, c_int, u32, *const Buffer, *mut c_int, *mut Buffer);
    unwrap = b"gss_unwrap\0"(Handle, *const Buffer, *mut Buffer, *mut c_int, *mut u32);
    wrap_size_limit = b"gss_wrap_size_limit\0"(Handle, c_int, u32, u32, *mut u32);
    display_status = b"gss_display_status\0"(u32, c_int, *const Oid, *mut u32, *mut Buffer);
    release_buffer = b"gss_release_buffer\0"(*mut Buffer);
}

fn functions() -> Result<&'static Functions, Status> {
    static LOADED: OnceLock<Result<Functions, String>> = OnceLock::new();
    let loaded = LOADED.get_or_init(|| Functions::load().map_err(|error| crate::with_cause(&error)));
    loaded.as_ref().map_err(|text| Status { major: 0, minor: 0, text: text.clone() })
}

impl Functions {
    fn check(&self, major: u32, minor: u32) -> Result<(), Status> {
        if major & ERRORS == 0 {
            return Ok(());
        }
        let mut text = self.text(major, GSS_CODE);
        if minor != 0 {
            let cause = self.text(minor, MECHANISM_CODE);
            // "Unspecified GSS failure" says nothing.
            text = if cause.is_empty() { text } else { cause };
        }
        Err(Status { major: major & ERRORS, minor: minor.cast_signed(), text })
    }

    fn text(&self, code: u32, kind: c_int) -> String {
        let (mut parts, mut more) = (Vec::new(), 0);
        let mechanism = oid(KERBEROS);
        for _ in 0..MOST_PARTS {
            let (mut minor, mut part) = (0, Output::new(self));
            // SAFETY: every pointer is to a local that outlives the call; the library fills `part` with memory that
            // `Output` returns to it.
            let major = unsafe {
                (self.display_status)(&mut minor, code, kind, &mechanism, &mut more, &mut part.buffer)
            };
            if major & ERRORS != 0 {
                break;
            }
            parts.push(String::from_utf8_lossy(part.bytes()).into_owned());
            if more == 0 {
                break;
            }
        }
        parts.join("; ")
    }
}

/// Memory of the library's.
struct Output<'a> {
    functions: &'a Functions,
    buffer: Buffer,
}

impl<'a> Output<'a> {
    fn new(functions: &'a Functions) -> Self {
        Self { functions, buffer: Buffer { length: 0, value: ptr::null_mut() } }
    }

    fn bytes(&self) -> &[u8] {
        if self.buffer.value.is_null() {
            return &[];
        }
        // SAFETY: the library has set both, and the memory is released only with `self`.
        unsafe { std::slice::from_raw_parts(self.buffer.value.cast::<u8>(), self.buffer.length) }
    }
}

impl Drop for Output<'_> {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the buffer is empty or the library's, and nothing refers to it any more.
        unsafe { (self.functions.release_buffer)(&mut minor, &mut self.buffer) };
    }
}

/// The library only reads through these, although its types are not const.
fn oid(elements: &'static [u8]) -> Oid {
    Oid { length: elements.len() as u32, elements: elements.as_ptr().cast_mut().cast() }
}

fn input(bytes: &[u8]) -> Buffer {
    Buffer { length: bytes.len(), value: bytes.as_ptr().cast_mut().cast() }
}

/// A name in the library's own form.
struct Name {
    functions: &'static Functions,
    handle: Handle,
}

impl Name {
    fn import(text: &str, kind: &'static [u8]) -> Result<Self, Status> {
        let functions = functions()?;
        let (mut minor, mut handle) = (0, ptr::null_mut());
        let (text, kind) = (input(text.as_bytes()), oid(kind));
        // SAFETY: the pointers are to locals that outlive the call; the library copies the text.
        let major = unsafe { (functions.import_name)(&mut minor, &text, &kind, &mut handle) };
        functions.check(major, minor)?;
        Ok(Self { functions, handle })
    }

    fn canonical(&self) -> Result<Self, Status> {
        let (mut minor, mut handle) = (0, ptr::null_mut());
        let mechanism = oid(KERBEROS);
        // SAFETY: `self.handle` is a name of the library's; the other pointers are to locals.
        let major =
            unsafe { (self.functions.canonicalize_name)(&mut minor, self.handle, &mechanism, &mut handle) };
        self.functions.check(major, minor)?;
        Ok(Self { functions: self.functions, handle })
    }

    fn text(&self) -> Result<String, Status> {
        let (mut minor, mut text) = (0, Output::new(self.functions));
        // SAFETY: `self.handle` is a name of the library's, `text` takes memory and returns it; the type is not wanted.
        let major = unsafe {
            (self.functions.display_name)(&mut minor, self.handle, &mut text.buffer, ptr::null_mut())
        };
        self.functions.check(major, minor)?;
        Ok(String::from_utf8_lossy(text.bytes()).into_owned())
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the handle is the library's own, and this is its last use.
        unsafe { (self.functions.release_name)(&mut minor, &mut self.handle) };
    }
}

/// What proves who we are: a ticket, or a key to get one with.
pub(crate) struct Credentials {
    functions: &'static Functions,
    handle: Handle,
}

// SAFETY: nothing in it belongs to a thread; MIT's library locks credentials in each call.
unsafe impl Send for Credentials {}

impl Credentials {
    /// Finds what proves that we are `principal`, or whoever's the ticket cache is: in `cache`, else in the environment's, with
    /// `keytab` to get tickets that the cache does not hold. Blocks: with a keytab the KDC is asked.
    ///
    /// # Errors
    /// [`Status`] where the library is missing, or there is nothing.
    pub(crate) fn acquire(
        principal: Option<&str>,
        cache: Option<&CStr>,
        keytab: Option<&CStr>,
    ) -> Result<Self, Status> {
        Self::from_store(principal, INITIATE, [(c"ccache", cache), (c"client_keytab", keytab)])
    }

    /// Whether a keytab holds a key of `principal`, which is what a server would need. Asks nobody.
    ///
    /// # Errors
    /// [`Status`] where the library is missing, or there is no such key.
    pub(crate) fn check_key(principal: &str, keytab: &CStr) -> Result<(), Status> {
        Self::from_store(Some(principal), ACCEPT, [(c"keytab", Some(keytab))]).map(drop)
    }

    fn from_store<const N: usize>(
        principal: Option<&str>,
        usage: c_int,
        store: [(&CStr, Option<&CStr>); N],
    ) -> Result<Self, Status> {
        let functions = functions()?;
        let name = principal.map(|principal| Name::import(principal, PRINCIPAL_NAME)).transpose()?;
        let element = |(key, value): &(&CStr, Option<&CStr>)| {
            Some(KeyValue { key: key.as_ptr(), value: (*value)?.as_ptr() })
        };
        let mut store: Vec<_> = store.iter().filter_map(element).collect();
        let set = KeyValueSet { count: store.len() as u32, elements: store.as_mut_ptr() };
        let (mut minor, mut handle) = (0, ptr::null_mut());
        // SAFETY: name and store outlive the call, which copies what it keeps. Mechanisms are left to the library, and neither they
        // nor the lifetime are wanted back: null is allowed for both.
        let major = unsafe {
            (functions.acquire_cred_from)(
                &mut minor,
                name.as_ref().map_or(ptr::null_mut(), |name| name.handle),
                INDEFINITE,
                ptr::null_mut(),
                usage,
                &set,
                &mut handle,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        functions.check(major, minor)?;
        Ok(Self { functions, handle })
    }

    /// Whose they are, and for how many seconds more; 0 is expired.
    ///
    /// # Errors
    /// [`Status`].
    pub(crate) fn inquire(&self) -> Result<(String, u32), Status> {
        let (mut minor, mut handle, mut lifetime) = (0, ptr::null_mut(), 0);
        // SAFETY: the handle is the library's; null is allowed for what is not wanted.
        let major = unsafe {
            (self.functions.inquire_cred)(
                &mut minor,
                self.handle,
                &mut handle,
                &mut lifetime,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        self.functions.check(major, minor)?;
        let name = Name { functions: self.functions, handle };
        Ok((name.text()?, lifetime))
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the handle is the library's own, and this is its last use.
        unsafe { (self.functions.release_cred)(&mut minor, &mut self.handle) };
    }
}

/// A conversation with one server, from the first token to the last protected message.
pub(crate) struct Context {
    functions: &'static Functions,
    credentials: Credentials,
    target: Name,
    mechanism: &'static [u8],
    handle: Handle,
}

// SAFETY: nothing in it belongs to a thread, and `&mut self` in every call keeps two threads from using it at a time.
unsafe impl Send for Context {}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

impl Context {
    /// Prepares one with the server of this principal, `name/host@REALM`.
    ///
    /// # Errors
    /// [`Status`] where the name is malformed.
    pub(crate) fn new(credentials: Credentials, server: &str) -> Result<Self, Status> {
        Ok(Self::with(credentials, Name::import(server, PRINCIPAL_NAME)?))
    }

    /// Prepares one with the web server on a host, in the envelope that it expects (RFC 4559). Blocks: the KDC is asked for a ticket.
    ///
    /// # Errors
    /// [`Status`] where there is no ticket for the server.
    pub(crate) fn with_web_server(credentials: Credentials, host: &str) -> Result<Self, Status> {
        let mut context = Self::with(credentials, Name::import(&format!("HTTP@{host}"), SERVICE_NAME)?);
        // SPNEGO renumbers the errors of Kerberos. So the ticket is got without it; it is in the cache after that.
        context.step(&[])?;
        context.delete();
        context.mechanism = SPNEGO;
        Ok(context)
    }

    fn with(credentials: Credentials, target: Name) -> Self {
        let functions = credentials.functions;
        Self { functions, credentials, target, mechanism: KERBEROS, handle: ptr::null_mut() }
    }

    fn delete(&mut self) {
        let mut minor = 0;
        // SAFETY: the handle is null, which is allowed, or the library's own; the call sets it to null.
        unsafe { (self.functions.delete_sec_context)(&mut minor, &mut self.handle, ptr::null_mut()) };
    }

    fn need_handle(&self) -> Result<(), Status> {
        if self.handle.is_null() { Err(unusable("it has not begun")) } else { Ok(()) }
    }
}

impl Conversation for Context {
    fn step(&mut self, token: &[u8]) -> Result<(Bytes, bool), Status> {
        let (mut minor, mut output) = (0, Output::new(self.functions));
        let (token, mechanism) = (input(token), oid(self.mechanism));
        // SAFETY: the handles are the library's (null is a context that begins), the buffers outlive the call; an empty token is
        // none. Null is allowed for channel bindings and for what is not wanted back.
        let major = unsafe {
            (self.functions.init_sec_context)(
                &mut minor,
                self.credentials.handle,
                &mut self.handle,
                self.target.handle,
                &mechanism,
                FLAGS,
                0,
                ptr::null_mut(),
                &token,
                ptr::null_mut(),
                &mut output.buffer,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        self.functions.check(major, minor)?;
        Ok((Bytes::copy_from_slice(output.bytes()), major & CONTINUE_NEEDED == 0))
    }

    fn wrap(&mut self, message: &[u8], encrypt: bool) -> Result<Bytes, Status> {
        self.need_handle()?;
        let (mut minor, mut encrypted, mut output) = (0, 0, Output::new(self.functions));
        let message = input(message);
        // SAFETY: the handle is the library's, the buffers outlive the call.
        let major = unsafe {
            (self.functions.wrap)(
                &mut minor,
                self.handle,
                c_int::from(encrypt),
                0,
                &message,
                &mut encrypted,
                &mut output.buffer,
            )
        };
        self.functions.check(major, minor)?;
        if encrypt && encrypted == 0 {
            return Err(unusable("it cannot encrypt"));
        }
        Ok(Bytes::copy_from_slice(output.bytes()))
    }

    fn unwrap(&mut self, sealed: &[u8]) -> Result<(Bytes, bool), Status> {
        self.need_handle()?;
        let (mut minor, mut encrypted, mut output) = (0, 0, Output::new(self.functions));
        let sealed = input(sealed);
        // SAFETY: the handle is the library's, the buffers outlive the call; null is allowed for the quality of protection.
        let major = unsafe {
            (self.functions.unwrap)(
                &mut minor,
                self.handle,
                &sealed,
                &mut output.buffer,
                &mut encrypted,
                ptr::null_mut(),
            )
        };
        self.functions.check(major, minor)?;
        // Repeated, old or out of order is told beside success.
        if major != 0 {
            return Err(unusable("it is out of order"));
        }
        Ok((Bytes::copy_from_slice(output.bytes()), encrypted != 0))
    }

    fn wrap_limit(&mut self, largest: u32, encrypt: bool) -> Result<u32, Status> {
        self.need_handle()?;
        let (mut minor, mut limit) = (0, 0);
        // SAFETY: as in `wrap`.
        let major = unsafe {
            (self.functions.wrap_size_limit)(
                &mut minor,
                self.handle,
                c_int::from(encrypt),
                0,
                largest,
                &mut limit,
            )
        };
        self.functions.check(major, minor)?;
        Ok(limit)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        self.delete();
    }
}

/// `GSS_S_FAILURE` in words of our own.
fn unusable(text: &str) -> Status {
    Status { major: 13 << 16, minor: 0, text: text.to_owned() }
}
