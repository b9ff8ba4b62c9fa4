// Descriptions of machines that make no sense.

// RUN: bn-opt %s --bn-select-lowering-strategy --verify-diagnostics --split-input-file

// expected-error @below {{expected 'L1_cache_size_in_bytes' of device "CPU" to be a positive integer, got 0 : i64}}
module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<"L1_cache_size_in_bytes" = 0 : i64>>} {
}

// -----

// expected-error @below {{expected 'L3_cache_size_in_bytes' of device "CPU" to be a positive integer, got "16 MB"}}
module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<"L3_cache_size_in_bytes" = "16 MB">>} {
}

// -----

// expected-error @below {{expected 'max_vector_op_width' to be a power of two from 64 to 4096, got 100}}
module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<"max_vector_op_width" = 100 : i64>>} {
}

// -----

// Other devices and other entries are nobody's business here.
module attributes {
  dlti.target_system_spec = #dlti.target_system_spec<
    "CPU" = #dlti.target_device_spec<"color" = "green">,
    "GPU" = #dlti.target_device_spec<"max_vector_op_width" = 0 : i64>>} {
}
