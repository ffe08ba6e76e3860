#include "model.h"

#include <cstring>
#include <stdexcept>

#include "check.h"

namespace {

Owned<OrtSession> load(const Ort &ort, const std::string &path, const Arguments &arguments) {
  OrtSessionOptions *raw = nullptr;
  ort.check(ort.CreateSessionOptions(&raw));
  Owned<OrtSessionOptions> options(raw, ort.ReleaseSessionOptions);
  ort.check(ort.SetSessionLogSeverityLevel(raw, ORT_LOG_FATAL));
  ort.check(ort.SetIntraOpNumThreads(raw, arguments.threads));
  ort.check(ort.SetInterOpNumThreads(raw, 1));
  // Threads that spin while they wait would take the cores that the other workers compute on.
  ort.check(ort.AddSessionConfigEntry(raw, "session.intra_op.allow_spinning", arguments.workers > 1 ? "0" : "1"));
  OrtSession *session = nullptr;
  ort.check(ort.CreateSession(ort.env, path.c_str(), raw, &session));
  return {session, ort.ReleaseSession};
}

Owned<OrtRunOptions> make_run_options(const Ort &ort) {
  OrtRunOptions *options = nullptr;
  ort.check(ort.CreateRunOptions(&options));
  return {options, ort.ReleaseRunOptions};
}

}  // namespace

Model::Model(const Ort &ort, const std::string &path, const Arguments &arguments)
    : ort_(ort),
      session_(load(ort, path, arguments)),
      run_options_(make_run_options(ort)),
      inputs_(read_types(true)),
      outputs_(read_types(false)) {}

void Model::terminate() { ort_.check(ort_.RunOptionsSetTerminate(run_options_.get())); }

void Model::check(const tensors_struct *inputs) const { check_inputs(inputs, inputs_); }

Tensors Model::run(const tensors_struct &inputs) const {
  std::vector<Owned<OrtValue>> given;
  std::vector<OrtValue *> input_values;
  for (size_t i = 0; i < inputs.num_tensors; i++) {
    given.push_back(wrap(inputs, i));
    input_values.push_back(given.back().get());
  }
  std::vector<const char *> names;
  for (const TensorType &output : outputs_) names.push_back(output.name.c_str());
  // Null: ONNX Runtime allocates. The shapes that a model states for its outputs are not always those it computes.
  std::vector<OrtValue *> output_values(names.size(), nullptr);
  OrtStatus *status =
      ort_.Run(session_.get(), run_options_.get(), inputs.names, input_values.data(), input_values.size(),
               names.data(), names.size(), output_values.data());
  std::vector<Owned<OrtValue>> made;
  for (OrtValue *value : output_values) made.emplace_back(value, ort_.ReleaseValue);
  ort_.check(status);
  return read_outputs(made);
}

Owned<OrtValue> Model::wrap(const tensors_struct &inputs, size_t index) const {
  // ONNX Runtime wants an address even for no bytes.
  static char nothing[8];
  const size_t rank = inputs.ranks[index];
  const size_t *sizes = inputs.shapes[index];
  const std::vector<int64_t> shape(sizes, sizes + rank);
  const size_t bytes = byte_size(inputs.data_types[index], rank, sizes);
  void *data = bytes > 0 ? inputs.data[index] : nothing;
  OrtValue *value = nullptr;
  ort_.check(ort_.CreateTensorWithDataAsOrtValue(ort_.memory, data, bytes, shape.data(), rank,
                                                 inputs.data_types[index], &value));
  return {value, ort_.ReleaseValue};
}

Tensors Model::read_outputs(const std::vector<Owned<OrtValue>> &values) const {
  Tensors outputs = make_tensors(values.size());
  for (size_t i = 0; i < values.size(); i++) {
    OrtTensorInfo *raw = nullptr;
    ort_.check(ort_.GetTensorTypeAndShape(values[i].get(), &raw));
    Owned<OrtTensorInfo> info(raw, ort_.ReleaseTensorInfo);
    const TensorType actual = read_type(raw, outputs_[i].name);
    void *place = set_tensor(*outputs, i, actual.name, actual.type, actual.shape);
    const size_t bytes = byte_size(actual.type, actual.shape.size(), outputs->shapes[i]);
    if (bytes == 0) continue;
    void *data = nullptr;
    ort_.check(ort_.GetTensorMutableData(values[i].get(), &data));
    std::memcpy(place, data, bytes);
  }
  return outputs;
}

TensorType Model::read_type(const OrtTensorInfo *info, const std::string &name) const {
  int type = 0;
  size_t rank = 0;
  ort_.check(ort_.GetTensorElementType(info, &type));
  ort_.check(ort_.GetDimensionsCount(info, &rank));
  std::vector<int64_t> shape(rank);
  ort_.check(ort_.GetDimensions(info, shape.data(), rank));
  return {name, type, ort_.has_shape(info), shape};
}

std::vector<TensorType> Model::read_types(bool inputs) const {
  const auto get_count = inputs ? ort_.SessionGetInputCount : ort_.SessionGetOutputCount;
  const auto get_name = inputs ? ort_.SessionGetInputName : ort_.SessionGetOutputName;
  const auto get_type = inputs ? ort_.SessionGetInputTypeInfo : ort_.SessionGetOutputTypeInfo;
  size_t count = 0;
  ort_.check(get_count(session_.get(), &count));
  std::vector<TensorType> types;
  for (size_t i = 0; i < count; i++) {
    char *text = nullptr;
    ort_.check(get_name(session_.get(), i, ort_.allocator, &text));
    const std::string name = text;
    ort_.check(ort_.AllocatorFree(ort_.allocator, text));
    OrtTypeInfo *raw = nullptr;
    ort_.check(get_type(session_.get(), i, &raw));
    Owned<OrtTypeInfo> type(raw, ort_.ReleaseTypeInfo);
    const OrtTensorInfo *tensor = nullptr;  // owned by `type`; null for sequences and maps
    ort_.check(ort_.CastTypeInfoToTensorInfo(raw, &tensor));
    if (tensor == nullptr) throw std::runtime_error(name + " is not a tensor");
    types.push_back(read_type(tensor, name));
    if (element_size(types.back().type) == 0) {
      throw std::runtime_error(name + " holds elements of type " + std::to_string(types.back().type) +
                               ", for which the interface defines no layout");
    }
  }
  return types;
}
