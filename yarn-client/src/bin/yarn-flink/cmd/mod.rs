//! One file per command: from arguments to library calls to output.

mod attached;
mod completions;
mod events;
mod explain;
mod gc;
mod hint;
mod jobs;
mod kill;
mod list;
mod logs;
mod run;
mod session;
mod session_job;
mod simulate;
mod standing;
mod status;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::FromArgMatches;
use yarn_client::cluster::{self, ApplicationError, ErrorKind, Gateway, Live};
use yarn_client::conf::Environment;
use yarn_client::explain::{self as causes, Evidence};
use yarn_client::flink::FlinkConfig;
use yarn_client::logs::LogsError;
use yarn_client::now_ms;
use yarn_client::rpc::Told;
use yarn_client::running;
use yarn_client::security::UserError;
use yarn_client::submit::{PreflightError, SubmitError};
use yarn_client::yarn::ApplicationReport;

use crate::args::{self, Cli, Command, Global, Output};
use crate::exit::ExitStatus;
use crate::krb5;
use crate::legacy;
use crate::printer::Printer;

/// How long to wait for an application master that is about to start.
const MASTER_STARTS: Duration = Duration::from_secs(15);

/// What every command works with.
pub(crate) struct Context {
    pub(crate) printer: Printer,
    pub(crate) global: Global,
    pub(crate) environment: Environment,
    /// The values of `-D`, in order.
    pub(crate) dynamic: Vec<String>,
    /// Settings from these and from Flink's configuration file, loaded on first use.
    pub(crate) settings: OnceLock<FlinkConfig>,
}

impl Context {
    /// Flink's configuration on this host, overridden by `-D`.
    pub(crate) fn settings(&self) -> Result<&FlinkConfig, Failure> {
        if let Some(settings) = self.settings.get() {
            return Ok(settings);
        }
        let home = self.global.flink_home.as_deref();
        let (settings, warning) =
            cluster::host_settings(&self.environment, home, &self.dynamic).map_err(PreflightError::from)?;
        if let Some(warning) = warning {
            self.printer.warning(&warning);
        }
        Ok(self.settings.get_or_init(|| settings))
    }

    /// The cluster, for a command that submits nothing.
    pub(crate) fn gateway(&self) -> Result<Gateway, Failure> {
        let settings = self.settings()?;
        self.gateway_with(settings)
    }

    /// The cluster, by these settings of Flink's.
    pub(crate) fn gateway_with(&self, settings: &FlinkConfig) -> Result<Gateway, Failure> {
        let (global, environment) = (&self.global, &self.environment);
        krb5::apply(settings, environment).map_err(|error| ApplicationError::from(UserError::from(error)))?;
        Ok(Gateway::configured(environment, global.conf_dir.as_deref(), settings, &global.login())?)
    }

    /// `yarn.staging-directory`, if it is set.
    pub(crate) fn staging_bases(&self) -> Vec<String> {
        self.settings().map(cluster::staging_bases).unwrap_or_default()
    }
}

/// Why a command failed.
pub(crate) enum Failure {
    /// A failure before or during the submission.
    Submit(Box<SubmitError>),
    /// A failed request to the ResourceManager or an application.
    Application(Box<ApplicationError>),
    /// A failure to read container logs.
    Logs(Box<LogsError>),
    /// A failure to write to standard output.
    Output(io::Error),
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        Self::Submit(Box::new(error))
    }
}

impl From<PreflightError> for Failure {
    fn from(error: PreflightError) -> Self {
        Self::Submit(Box::new(error.into()))
    }
}

impl From<ApplicationError> for Failure {
    fn from(error: ApplicationError) -> Self {
        Self::Application(Box::new(error))
    }
}

impl From<LogsError> for Failure {
    fn from(error: LogsError) -> Self {
        match error {
            LogsError::Write(error) => Self::Output(error),
            other => Self::Logs(Box::new(other)),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submit(error) => error.fmt(f),
            Self::Application(error) => error.fmt(f),
            Self::Logs(error) => error.fmt(f),
            Self::Output(error) => error.fmt(f),
        }
    }
}

/// Parses the arguments and runs the command.
pub(crate) async fn run(arguments: Vec<OsString>) -> ExitStatus {
    let command = args::command();
    let output = output_of(&arguments);
    let arguments = match legacy::rewrite(&command, arguments) {
        Ok(arguments) => arguments,
        Err(message) => {
            let hint = Some("run the command with `--help` to see its options");
            Printer::new(output, false, 0).error_text(&message, hint, ExitStatus::Usage);
            return ExitStatus::Usage;
        }
    };
    let parsed = command
        .try_get_matches_from(arguments)
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, args::given(&matches))));
    let (cli, dynamic) = match parsed {
        Ok(cli) => cli,
        // Help and version are not errors and go to standard output.
        Err(error) => {
            if !error.use_stderr() {
                let _ = error.print();
                return ExitStatus::Success;
            }
            if output == Output::Json {
                let text = error.render().to_string();
                let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
                Printer::new(output, false, 0).error_text(text, None, ExitStatus::Usage);
            } else {
                let _ = error.print();
            }
            return ExitStatus::Usage;
        }
    };
    let environment = Environment::from_process();
    let Cli { global, command } = cli;
    start_logging(global.verbose, &environment);
    let printer = Printer::new(global.output, global.quiet, global.verbose);
    let context = Context { printer, global, environment, dynamic, settings: OnceLock::new() };
    let changes_something = command.changes_something();
    let done = match command {
        Command::Run(args) => Box::pin(run::run(&context, *args)).await,
        Command::List(args) => list::run(&context, args).await,
        Command::Status(args) => status::run(&context, args).await,
        Command::Explain(args) => explain::run(&context, args).await,
        Command::Logs(args) => logs::run(&context, args).await,
        Command::Events(args) => events::run(&context, args).await,
        Command::Session(args) => Box::pin(session::verb(&context, args)).await,
        Command::Scale(args) => session::scale(&context, args).await,
        Command::Jobs(args) => jobs::list(&context, args).await,
        Command::Cancel(args) => jobs::cancel(&context, args).await,
        Command::Stop(args) => jobs::stop(&context, args).await,
        Command::Savepoint(args) => jobs::savepoint(&context, args).await,
        Command::Kill(args) => kill::run(&context, args).await,
        Command::Gc(args) => gc::run(&context, args).await,
        Command::Simulate(args) => simulate::run(&context, &args),
        Command::Completions(args) => completions::run(&context, args),
    };
    match done.unwrap_or_else(|failure| report(&context.printer, &failure)) {
        // The exit code of a command that changes the cluster reports what was done, not whether it could be printed.
        ExitStatus::Success if context.printer.has_lost_data() && !changes_something => ExitStatus::Usage,
        status => status,
    }
}

/// Reports what went wrong and returns the exit code for it.
pub(crate) fn report(printer: &Printer, failure: &Failure) -> ExitStatus {
    let (error, hint, detail, kind): (&(dyn std::error::Error + 'static), _, _, _) = match failure {
        // The reader has closed the pipe, as in `yarn-flink list | head -1`.
        Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitStatus::Success,
        Failure::Output(error) => (error, None, None, ErrorKind::Usage),
        Failure::Submit(error) => (error.as_ref(), error.hint(), error.detail(), error.kind()),
        Failure::Application(error) => (error.as_ref(), error.hint(), error.detail(), error.kind()),
        Failure::Logs(error) => (error.as_ref(), error.hint(), error.detail(), error.kind()),
    };
    let hint = hint::of(failure).or(hint);
    let exit = match kind {
        ErrorKind::Cluster => ExitStatus::Cluster,
        ErrorKind::NotFound => ExitStatus::NotFound,
        ErrorKind::TimedOut => ExitStatus::TimedOut,
        ErrorKind::Interrupted => ExitStatus::Interrupted,
        ErrorKind::Job => ExitStatus::JobFailed,
        _ => ExitStatus::Usage,
    };
    printer.error(error, hint.as_deref(), detail, exit);
    exit
}

/// The format in which errors of an invalid command line are to be printed.
fn output_of(arguments: &[OsString]) -> Output {
    let json = arguments
        .windows(2)
        .any(|pair| ["-o", "--output"].iter().any(|option| pair[0] == *option) && pair[1] == "json")
        || arguments.iter().any(|argument| argument == "--output=json" || argument == "-ojson");
    if json { Output::Json } else { Output::Text }
}

/// Logs go to standard error, and only when requested: `-v` (what we do), `-vv` (how), `-vvv` (every library), or by
/// `YARN_FLINK_LOG` with tracing's directives.
fn start_logging(verbosity: u8, environment: &Environment) {
    let directives = match (environment.non_empty("YARN_FLINK_LOG"), verbosity) {
        (Some(directives), _) => directives,
        (None, 0) => return,
        (None, 1) => "yarn_client=info,yarn_flink=info",
        (None, 2) => "yarn_client=debug,yarn_flink=debug",
        (None, _) => "trace",
    };
    let started = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(directives))
        .with_writer(io::stderr)
        .with_ansi(environment.non_empty("NO_COLOR").is_none() && io::IsTerminal::is_terminal(&io::stderr()))
        .try_init();
    // It cannot have been started before: this is the only place.
    drop(started);
}

/// Connects to a running application, by its id or by the name of a session.
async fn live(context: &Context, wanted: &str) -> Result<(Gateway, Live), Failure> {
    let gateway = context.gateway()?;
    let id = running::session::application(&gateway, wanted).await?;
    let mut on_wait = |report: &ApplicationReport, limit: Duration| {
        let mut text = format!(
            "waiting up to {} s for the application master of {id} ({})",
            limit.as_secs(),
            report.state
        );
        // From the report only; more is requested once the wait has timed out.
        let why = causes::decide(&Evidence::of(report.clone()), now_ms().cast_signed());
        if let Some(cause) = why.cause {
            text.push_str(&format!(": {} [{}]", cause.text, cause.code));
        }
        context.printer.note(&text);
    };
    let bases = context.staging_bases();
    let live = Live::open_telling(&gateway, id, &bases, MASTER_STARTS, &mut on_wait).await?;
    Ok((gateway, live))
}

/// From now on waits for an unavailable ResourceManager, and says so.
fn wait_out(context: &Context, gateway: &Gateway) -> Result<(), Failure> {
    let printer = context.printer.clone();
    let told = Arc::new(move |told: Told<'_>| match told {
        Told::Away { error, limit } => {
            let at = error.endpoint().map_or_else(String::new, |endpoint| format!(" at {endpoint}"));
            // "Forever" is not a number of minutes.
            let limit = match limit.as_secs() {
                seconds if seconds < 120 => format!(" for up to {seconds} s"),
                seconds if seconds < 86_400 => format!(" for up to {} min", seconds / 60),
                _ => String::new(),
            };
            printer.note(&format!(
                "the ResourceManager{at} is not responding ({}); waiting for it{limit}",
                error.kind()
            ));
        }
        Told::Back => printer.note("the ResourceManager is responding again"),
    });
    Ok(gateway.wait_out(told)?)
}

/// Runs a command, and cleans up a little at the same time.
async fn tidying<T>(gateway: &Gateway, work: impl Future<Output = T>) -> T {
    // Both are too large for the callers' stacks.
    tokio::join!(Box::pin(work), Box::pin(running::gc::tidy(gateway, now_ms()))).0
}
