{
  "target_defaults": {
    "cflags": ["-O2", "-fPIC", "-pthread", "-fvisibility=hidden", "-Wall", "-Wextra"],
    "cflags_cc": ["-std=c++17", "-fexceptions", "-fno-gnu-unique"],
    "cflags_cc!": ["-fno-exceptions"],
    "ldflags": ["-pthread", "-Wl,-z,defs", "-Wl,--version-script=../native/exports.map"],
    "libraries": ["-ldl"]
  },
  "targets": [
    {
      "target_name": "RuntimeLibrary",
      "type": "shared_library",
      "sources": [
        "native/reference/arguments.cc",
        "native/reference/asynchronous.cc",
        "native/reference/check.cc",
        "native/reference/failure.cc",
        "native/reference/instance.cc",
        "native/reference/lifecycle.cc",
        "native/reference/model.cc",
        "native/reference/ort.cc",
        "native/reference/runtime.cc",
        "native/reference/tensors.cc"
      ]
    },
    {
      "target_name": "RuntimeLibrarySync",
      "type": "shared_library",
      "sources": [
        "native/reference/arguments.cc",
        "native/reference/check.cc",
        "native/reference/failure.cc",
        "native/reference/instance.cc",
        "native/reference/lifecycle.cc",
        "native/reference/model.cc",
        "native/reference/ort.cc",
        "native/reference/runtime.cc",
        "native/reference/synchronous.cc",
        "native/reference/tensors.cc"
      ]
    }
  ]
}
