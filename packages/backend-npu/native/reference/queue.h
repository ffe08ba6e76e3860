#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "input.h"

// One inference, from send_input to receive_output.
struct Job {
  explicit Job(Input given) : input(std::move(given)) {}

  Input input;
  Tensors output;     // null when the inference failed
  std::string error;  // why it failed
  bool done = false;
};

// Inferences in flight. Workers take them in the order they came, and may finish in any order; they are received in
// the order they came. Every function may be called on any thread.
class Queue {
 public:
  explicit Queue(size_t limit) : limit_(limit) {}

  // False, and `job` untouched, when `limit` inferences are in flight or the queue is closed.
  bool push(std::unique_ptr<Job> &job) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closed_ || jobs_.size() >= limit_) return false;
    jobs_.push_back(std::move(job));
    try {
      waiting_.push_back(jobs_.back().get());
    } catch (...) {
      job = std::move(jobs_.back());
      jobs_.pop_back();
      throw;
    }
    work_.notify_one();
    return true;
  }

  // Waits for a job to work on, which stays in the queue. Null: closed.
  Job *take() {
    std::unique_lock<std::mutex> lock(mutex_);
    work_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
    if (closed_) return nullptr;
    Job *job = waiting_.front();
    waiting_.pop_front();
    return job;
  }

  // The output or the error of `job` is set.
  void finish(Job &job) {
    const std::lock_guard<std::mutex> lock(mutex_);
    job.done = true;
    if (jobs_.front().get() == &job) done_.notify_all();
  }

  // Waits for the oldest job to be done and takes it out. Null: not within `timeout`, or closed.
  std::unique_ptr<Job> receive(std::chrono::milliseconds timeout) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto ready = [this] { return closed_ || (!jobs_.empty() && jobs_.front()->done); };
    if (!done_.wait_for(lock, timeout, ready) || closed_) return nullptr;
    std::unique_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }

  bool closed() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return closed_;
  }

  // Wakes everybody who waits. Jobs stay until the queue is destroyed.
  void close() {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_ = true;
    work_.notify_all();
    done_.notify_all();
  }

 private:
  const size_t limit_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  std::deque<std::unique_ptr<Job>> jobs_;  // all in flight, oldest first
  std::deque<Job *> waiting_;              // those that no worker has taken
  bool closed_ = false;
};
