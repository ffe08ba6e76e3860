{
  "target_defaults": {
    "cflags": [
      "-O2",
      "-fPIC",
      "-pthread",
      "-fvisibility=hidden",
      "-Wall",
      "-Wextra"
    ],
    "cflags_cc": [
      "-std=c++17",
      "-fexceptions",
      "-fno-gnu-unique"
    ],
    "cflags_cc!": [
      "-fno-exceptions"
    ],
    "ldflags": [
      "-pthread",
      "-Wl,-z,defs",
      "-Wl,--version-script=../native/exports.map"
    ],
    "libraries": [
      "-ldl"
    ],
    "cflags_c": [
      "-std=gnu11"
    ]
  },
  "targets": [
    {
      "target_name": "RuntimeLibrary",
      "product_name": "libRuntimeLibrary",
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
      ],
      "product_dir": "<(PRODUCT_DIR)"
    },
    {
      "target_name": "RuntimeLibrarySync",
      "product_name": "libRuntimeLibrarySync",
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
      ],
      "product_dir": "<(PRODUCT_DIR)"
    },
    {
      "target_name": "FaultyRuntime",
      "product_name": "libFaultyRuntime",
      "type": "shared_library",
      "sources": [
        "native/faulty/asynchronous.c",
        "native/faulty/faults.c",
        "native/faulty/inference.c",
        "native/faulty/runtime.c"
      ],
      "product_dir": "<(PRODUCT_DIR)"
    },
    {
      "target_name": "FaultyRuntimeOld",
      "product_name": "libFaultyRuntimeOld",
      "type": "shared_library",
      "sources": [
        "native/faulty/synchronous.c",
        "native/faulty/faults.c",
        "native/faulty/inference.c",
        "native/faulty/runtime.c"
      ],
      "product_dir": "<(PRODUCT_DIR)"
    },
    {
      "target_name": "FaultyRuntimeOldNoArgs",
      "product_name": "libFaultyRuntimeOldNoArgs",
      "type": "shared_library",
      "sources": [
        "native/faulty/synchronous.c",
        "native/faulty/faults.c",
        "native/faulty/inference.c",
        "native/faulty/runtime.c"
      ],
      "defines": [
        "NO_ARGS"
      ],
      "product_dir": "<(PRODUCT_DIR)"
    },
    {
      "target_name": "FaultyRuntimeNoArgs",
      "product_name": "libFaultyRuntimeNoArgs",
      "type": "shared_library",
      "sources": [
        "native/faulty/asynchronous.c",
        "native/faulty/faults.c",
        "native/faulty/inference.c",
        "native/faulty/runtime.c"
      ],
      "defines": [
        "NO_ARGS"
      ],
      "product_dir": "<(PRODUCT_DIR)"
    },
    {
      "target_name": "FaultyRuntimeMissingSymbol",
      "product_name": "libFaultyRuntimeMissingSymbol",
      "type": "shared_library",
      "sources": [
        "native/faulty/asynchronous.c",
        "native/faulty/faults.c",
        "native/faulty/inference.c",
        "native/faulty/runtime.c"
      ],
      "defines": [
        "MISSING_SYMBOL"
      ],
      "product_dir": "<(PRODUCT_DIR)"
    },
    {
      "target_name": "host",
      "type": "executable",
      "sources": [
        "native/host/host.c"
      ]
    }
  ]
}
