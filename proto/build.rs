//! Compiles the `.proto` files with protox, so that no protoc is needed on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const FILES: [&str; 5] = [
        "hadoop/common.proto",
        "hadoop/yarn_records.proto",
        "hadoop/yarn_service.proto",
        "hadoop/yarn_security.proto",
        "launch.proto",
    ];
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    // Kept beside the generated code: a test compares it with the descriptors inside the Hadoop jars.
    let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), prost::Message::encode_to_vec(&descriptors))?;
    prost_build::Config::new()
        .bytes(["."])
        // Tokens and secrets: their Debug is written by hand where they are handled, never derived.
        .skip_debug([
            ".hadoop.common.TokenProto",
            ".hadoop.common.CredentialsKVProto",
            ".hadoop.yarn.ContainerLaunchContextProto",
            ".yarnflink.launch.LaunchSpec",
            ".yarnflink.launch.File",
        ])
        .compile_fds(descriptors)?;
    // The only service that is gRPC: Hadoop's are called by name.
    #[cfg(feature = "control")]
    tonic_prost_build::configure().compile_fds(protox::compile(["control.proto"], ["proto"])?)?;
    Ok(())
}
