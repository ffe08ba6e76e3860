#pragma once

#include "arguments.h"
#include "tensors.h"

// An input that this side is responsible for: freed when dropped, or handed back through the extension.
class Input {
 public:
  Input(tensors_struct *tensors, const Release &release) : tensors_(tensors, GiveBack{release}) {}

  const tensors_struct &tensors() const { return *tensors_; }
  // Ends the responsibility without freeing: the caller keeps the input after all.
  void disown() { tensors_.release(); }
  void give_back() { tensors_.reset(); }

 private:
  struct GiveBack {
    Release release;
    void operator()(tensors_struct *tensors) const {
      if (release.function == nullptr) {
        FreeTensors()(tensors);
      } else {
        // The last touch: the host may reuse the memory at once.
        release.function(reinterpret_cast<char *>(tensors) + release.offset);
      }
    }
  };
  std::unique_ptr<tensors_struct, GiveBack> tensors_;
};
