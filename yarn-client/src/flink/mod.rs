//! Everything the project knows of Flink: versions, configuration, memory, command lines, REST.
