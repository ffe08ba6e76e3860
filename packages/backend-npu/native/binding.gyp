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
      "-Wl,--version-script=../exports.map"
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
        "reference/arguments.cc",
        "reference/asynchronous.cc",
        "reference/check.cc",
        "reference/failure.cc",
        "reference/instance.cc",
        "reference/lifecycle.cc",
        "reference/model.cc",
        "reference/ort.cc",
        "reference/runtime.cc",
        "reference/tensors.cc"
      ]
    },
    {
      "target_name": "RuntimeLibrarySync",
      "product_name": "libRuntimeLibrarySync",
      "type": "shared_library",
      "sources": [
        "reference/arguments.cc",
        "reference/check.cc",
        "reference/failure.cc",
        "reference/instance.cc",
        "reference/lifecycle.cc",
        "reference/model.cc",
        "reference/ort.cc",
        "reference/runtime.cc",
        "reference/synchronous.cc",
        "reference/tensors.cc"
      ]
    },
    {
      "target_name": "FaultyRuntime",
      "product_name": "libFaultyRuntime",
      "type": "shared_library",
      "sources": [
        "faulty/asynchronous.c",
        "faulty/faults.c",
        "faulty/inference.c",
        "faulty/runtime.c"
      ]
    },
    {
      "target_name": "FaultyRuntimeOld",
      "product_name": "libFaultyRuntimeOld",
      "type": "shared_library",
      "sources": [
        "faulty/synchronous.c",
        "faulty/faults.c",
        "faulty/inference.c",
        "faulty/runtime.c"
      ]
    },
    {
      "target_name": "FaultyRuntimeOldNoArgs",
      "product_name": "libFaultyRuntimeOldNoArgs",
      "type": "shared_library",
      "sources": [
        "faulty/synchronous.c",
        "faulty/faults.c",
        "faulty/inference.c",
        "faulty/runtime.c"
      ],
      "defines": [
        "NO_ARGS"
      ]
    },
    {
      "target_name": "FaultyRuntimeNoArgs",
      "product_name": "libFaultyRuntimeNoArgs",
      "type": "shared_library",
      "sources": [
        "faulty/asynchronous.c",
        "faulty/faults.c",
        "faulty/inference.c",
        "faulty/runtime.c"
      ],
      "defines": [
        "NO_ARGS"
      ]
    },
    {
      "target_name": "FaultyRuntimeMissingSymbol",
      "product_name": "libFaultyRuntimeMissingSymbol",
      "type": "shared_library",
      "sources": [
        "faulty/asynchronous.c",
        "faulty/faults.c",
        "faulty/inference.c",
        "faulty/runtime.c"
      ],
      "defines": [
        "MISSING_SYMBOL"
      ]
    },
    {
      "target_name": "host",
      "type": "executable",
      "sources": [
        "host/host.c"
      ]
    }
  ]
}
