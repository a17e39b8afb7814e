// Where the time of a run goes.
#include "core/profile.h"

#include <algorithm>

#include "core/error.h"

namespace bitloom {
namespace {

thread_local Profile* active = nullptr;

}  // namespace

Profile::Profile() : running_(&*seconds_.emplace("other", 0).first), since_(std::chrono::steady_clock::now()) {
  BITLOOM_CHECK(!active, "profile: another one is active");
  active = this;
}

Profile::~Profile() { active = nullptr; }

std::vector<std::pair<std::string, double>> Profile::seconds() {
  turn_to(running_);
  std::vector<std::pair<std::string, double>> all(seconds_.begin(), seconds_.end());
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return all;
}

std::string Profile::running() { return active ? active->running_->first : std::string(); }

Profile::Entry* Profile::turn_to(Entry* entry) {
  const auto now = std::chrono::steady_clock::now();
  running_->second += std::chrono::duration<double>(now - since_).count();
  since_ = now;
  return std::exchange(running_, entry);
}

ProfileScope::ProfileScope(const std::string& name, const char* what) {
  if (!active) return;
  const std::string& running = active->running_->first;
  if (running != kEvaluation && running != kTeacher)
    before_ = active->turn_to(&*active->seconds_.emplace(name + what, 0).first);
}

ProfileScope::~ProfileScope() {
  if (before_) active->turn_to(before_);
}

}  // namespace bitloom
