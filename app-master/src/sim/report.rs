//! Many lives, summed up: what `yarn-flink simulate` prints.
