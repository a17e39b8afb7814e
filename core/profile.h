// Where the time of a run goes: every moment belongs to one name, so that the times add up to the whole.
#pragma once
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bitloom {

// Seconds by name. At most one is active, in one thread; without an active one, and in other threads, scopes do nothing.
class Profile {
 public:
  Profile();   // active from here on
  ~Profile();  // to here
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  // The longest first; what no scope was open for is "other".
  std::vector<std::pair<std::string, double>> seconds();

  // What is running, for work on its behalf that comes later; "" without an active profile.
  static std::string running();

 private:
  friend class ProfileScope;
  using Entry = std::pair<const std::string, double>;
  // From here on time goes to `entry`; returns what it went to before.
  Entry* turn_to(Entry* entry);

  std::map<std::string, double> seconds_;
  Entry* running_;
  std::chrono::steady_clock::time_point since_;
};

// The time of this scope goes to `name` and `what` of it, less that of the scopes inside it. Those inside of kEvaluation and kTeacher do not count for
// themselves: the layers that run there are not those that learn.
class ProfileScope {
 public:
  static constexpr const char* kEvaluation = "evaluation";
  static constexpr const char* kTeacher = "teacher forward";
  explicit ProfileScope(const std::string& name, const char* what = "");
  ~ProfileScope();
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;

 private:
  Profile::Entry* before_ = nullptr;
};

}  // namespace bitloom
