// Ending long work early: whoever started it asks, and the work looks between its pieces; every parallel loop does.
#pragma once
#include "core/error.h"

namespace bitloom {

class Interrupted : public Error {
 public:
  using Error::Error;
};

// Asks all work of this process to end; may be called by a signal handler and on any thread. Stays in force until it is taken back.
void request_cancel(bool on = true) noexcept;
bool cancel_requested() noexcept;

// Throws Interrupted if that was asked and no CancelShield is alive.
void check_cancel();

// Work that must not end halfway, with that of the threads that help it: a training step for example.
class CancelShield {
 public:
  CancelShield() noexcept;
  CancelShield(const CancelShield&) = delete;
  CancelShield& operator=(const CancelShield&) = delete;
  ~CancelShield();
};

}  // namespace bitloom
