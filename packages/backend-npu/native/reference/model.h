#pragma once

#include <string>
#include <vector>

#include "arguments.h"
#include "ort.h"
#include "tensors.h"

// What the model says of one input or output.
struct TensorType {
  std::string name;
  int32_t type;
  bool ranked;                 // false: any shape goes
  std::vector<int64_t> shape;  // negative: any size
};

// An ONNX model in a session. Any number of threads may run it at once.
class Model {
 public:
  // `ort` must outlive the model. @throws std::runtime_error
  Model(const Ort &ort, const std::string &path, const Arguments &arguments);

  // @throws std::runtime_error that names the tensor, when the model cannot run on `inputs`
  void check(const tensors_struct *inputs) const;
  // Runs on inputs that were checked; reads them until it returns. @throws std::runtime_error
  Tensors run(const tensors_struct &inputs) const;
  // Makes the runs that go on, and all later ones, fail soon.
  void terminate();

 private:
  std::vector<TensorType> read_types(bool inputs) const;
  TensorType read_type(const OrtTensorInfo *info, const std::string &name) const;
  Owned<OrtValue> wrap(const tensors_struct &inputs, size_t index) const;
  Tensors read_outputs(const std::vector<Owned<OrtValue>> &values) const;

  const Ort &ort_;
  Owned<OrtSession> session_;
  Owned<OrtRunOptions> run_options_;
  std::vector<TensorType> inputs_;
  std::vector<TensorType> outputs_;
};
