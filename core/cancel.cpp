// Ending long work early.
#include "core/cancel.h"

#include <atomic>

namespace bitloom {
namespace {

std::atomic<bool> requested{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");
std::atomic<int> shields{0};

}  // namespace

void request_cancel(bool on) noexcept { requested.store(on, std::memory_order_relaxed); }
bool cancel_requested() noexcept { return requested.load(std::memory_order_relaxed); }

void check_cancel() {
  if (cancel_requested() && shields == 0) throw Interrupted("interrupted");
}

CancelShield::CancelShield() noexcept { ++shields; }
CancelShield::~CancelShield() { --shields; }

}  // namespace bitloom
