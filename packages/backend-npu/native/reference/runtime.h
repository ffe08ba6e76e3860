#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "model.h"
#include "queue.h"

// What lives from initialization to destruction. Any thread may call.
class Runtime {
 public:
  explicit Runtime(Arguments arguments);
  // Waits for the inferences that go on, which are cut short, and gives every input back.
  ~Runtime();

  // Once. Starts `workers` threads, which serve send and receive. @throws std::runtime_error
  void load(const char *path, int workers);
  const Arguments &arguments() const { return arguments_; }

  // Queues one inference. @throws std::runtime_error, and the input stays the caller's
  void send(tensors_struct *input);
  // The output of the oldest inference. @throws std::runtime_error when it failed, or is not there in time
  Tensors receive();
  // Runs one inference on this thread; the input stays the caller's. @throws std::runtime_error
  Tensors execute(const tensors_struct *input);

  // Makes all calls that wait, and all later ones, fail.
  void stop();

 private:
  const Model &model();
  void work();

  const Arguments arguments_;
  const Ort ort_;
  std::mutex mutex_;  // guards model_ while it is loaded
  std::unique_ptr<Model> model_;
  bool stopped_ = false;
  Queue queue_;
  std::vector<std::thread> workers_;
};
