#pragma once

#include "runtime.h"

// The one runtime of this copy of the library, for as long as a call uses it. Calls may overlap each other and the
// destruction, which waits for them.
class Use {
 public:
  // @throws std::runtime_error when there is no runtime
  Use();
  ~Use();
  Use(const Use &) = delete;
  Use &operator=(const Use &) = delete;
  Runtime *operator->() const { return runtime_; }

 private:
  Runtime *runtime_;
};

// @throws std::runtime_error when there is one already, or it cannot be made
void create_runtime(const Arguments &arguments);
// Does nothing when there is none.
void destroy_runtime();
