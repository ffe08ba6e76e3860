#include "runtime.h"

#include <stdexcept>

namespace {

constexpr const char *DESTROYED = "the runtime is being destroyed";

}  // namespace

Runtime::Runtime(Arguments arguments)
    : arguments_(std::move(arguments)),
      ort_(arguments_.ort_library),
      queue_(static_cast<size_t>(arguments_.queue_size)) {}

Runtime::~Runtime() {
  stop();
  for (std::thread &worker : workers_) worker.join();
}

void Runtime::load(const char *path, int workers) {
  if (path == nullptr) throw std::runtime_error("the path of the model is null");
  const std::lock_guard<std::mutex> lock(mutex_);
  if (model_ != nullptr) throw std::runtime_error("a model is loaded already; a runtime holds one");
  auto model = std::make_unique<Model>(ort_, path, arguments_);
  model_ = std::move(model);
  if (stopped_) model_->terminate();
  for (int i = 0; i < workers; i++) workers_.emplace_back([this] { work(); });
}

const Model &Runtime::model() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (model_ == nullptr) throw std::runtime_error("no model is loaded; call runtime_model_loading first");
  return *model_;
}

void Runtime::send(tensors_struct *input) {
  model().check(input);
  auto job = std::make_unique<Job>(Input(input, arguments_.release));
  bool queued = false;
  try {
    queued = queue_.push(job);
  } catch (...) {
    job->input.disown();
    throw;
  }
  if (queued) return;
  job->input.disown();
  if (queue_.closed()) throw std::runtime_error(DESTROYED);
  throw std::runtime_error("the queue is full: " + std::to_string(arguments_.queue_size) +
                           " inferences wait to be received");
}

Tensors Runtime::receive() {
  const auto timeout = std::chrono::milliseconds(arguments_.receive_timeout_ms);
  const std::unique_ptr<Job> job = queue_.receive(timeout);
  if (job == nullptr) {
    if (queue_.closed()) throw std::runtime_error(DESTROYED);
    throw std::runtime_error("no output within " + std::to_string(arguments_.receive_timeout_ms) + " ms");
  }
  if (job->output == nullptr) throw std::runtime_error("the inference failed: " + job->error);
  return std::move(job->output);
}

Tensors Runtime::execute(const tensors_struct *input) {
  const Model &loaded = model();
  loaded.check(input);
  return loaded.run(*input);
}

void Runtime::work() {
  while (Job *job = queue_.take()) {
    try {
      job->output = model().run(job->input.tensors());
    } catch (const std::exception &error) {
      job->error = error.what();
    }
    job->input.give_back();
    queue_.finish(*job);
  }
}

void Runtime::stop() {
  queue_.close();
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  if (model_ != nullptr) model_->terminate();
}
