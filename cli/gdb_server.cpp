// GDB's remote serial protocol over TCP (GDB manual, appendix E.1, "Overview"): $CONTENT#CHECKSUM, each answered by + unless that is switched off.
#include "cli/gdb_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <optional>

#include "cli/guest.h"
#include "core/error.h"
#include "mpic/sim/gdb_stub.h"

namespace bitloom {
namespace {

constexpr char kInterrupt = 3;    // the byte that Ctrl-C in the debugger sends
constexpr int kPatienceMs = 100;  // between looks at Ctrl-C here

class Socket {
 public:
  explicit Socket(int handle) : handle_(handle) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(handle_); }
  int handle() const { return handle_; }
  // Whether there is something to read, or nobody any more, after at most so long.
  bool is_ready(int milliseconds) const {
    pollfd p{handle_, POLLIN, 0};
    return poll(&p, 1, milliseconds) > 0;
  }

 private:
  const int handle_;
};

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(uint16_t(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

uint8_t checksum(std::string_view content) {
  uint8_t sum = 0;
  for (const char c : content) sum = uint8_t(sum + uint8_t(c));
  return sum;
}

// Bytes in, packets out.
class Wire {
 public:
  explicit Wire(const Socket& socket) : socket_(socket) {}

  void stop_acknowledging() { acknowledges_ = false; }

  // The content of the next packet; none when the debugger is gone, or Ctrl-C came here.
  std::optional<std::string> next() {
    for (;;) {
      if (std::optional<std::string> packet = take_packet()) return packet;
      while (!socket_.is_ready(kPatienceMs))
        if (Guest::interrupted()) return {};
      if (!fill()) return {};
    }
  }

  void send(const std::string& content) {
    constexpr const char* kDigits = "0123456789abcdef";
    const uint8_t sum = checksum(content);
    write("$" + content + "#" + kDigits[sum >> 4] + kDigits[sum & 15]);
  }

  // Looks, without waiting, whether the running program is to stop: the debugger asks for it, or is gone.
  bool stop_asked() {
    if (socket_.is_ready(0) && !fill()) return true;
    const size_t at = received_.find(kInterrupt);
    if (at == std::string::npos) return false;
    received_.erase(at, 1);
    return true;
  }

 private:
  bool fill() {
    char bytes[4096];
    const ssize_t count = recv(socket_.handle(), bytes, sizeof bytes, 0);
    if (count < 0 && errno == EINTR) return true;
    // A packet that never ends is no debugger's.
    if (count <= 0 || received_.size() > 4 * mpic::GdbStub::kMaxPacket) return open_ = false;
    received_.append(bytes, size_t(count));
    return true;
  }

  void write(const std::string& bytes) {
    for (size_t sent = 0; open_ && sent < bytes.size();) {
      const ssize_t count = ::send(socket_.handle(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) open_ = false;
      sent += size_t(std::max<ssize_t>(count, 0));
    }
  }

  // What is before a packet is acknowledgements and leftovers.
  std::optional<std::string> take_packet() {
    for (;;) {
      received_.erase(0, std::min(received_.find('$'), received_.size()));
      const size_t end = received_.find('#');
      if (end == std::string::npos || received_.size() < end + 3) return {};
      const std::string content = received_.substr(1, end - 1), sum = received_.substr(end + 1, 2);
      received_.erase(0, end + 3);
      const bool right = std::strtoul(sum.c_str(), nullptr, 16) == checksum(content);
      if (acknowledges_) write(right ? "+" : "-");
      if (right) return content;
    }
  }

  const Socket& socket_;
  std::string received_;
  bool acknowledges_ = true, open_ = true;
};

int accept_one(int port, const std::string& program) {
  const Socket listener(socket(AF_INET, SOCK_STREAM, 0));
  const int yes = 1;
  setsockopt(listener.handle(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address = loopback(port);
  BITLOOM_CHECK(bind(listener.handle(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                    listen(listener.handle(), 1) == 0,
                "--gdb ", port, ": cannot wait on 127.0.0.1: ", std::strerror(errno), "; --gdb 0 takes a free port");
  socklen_t size = sizeof address;
  getsockname(listener.handle(), reinterpret_cast<sockaddr*>(&address), &size);
  std::cerr << "waiting for a debugger: gdb-multiarch " << program
            << " -ex 'target remote 127.0.0.1:" << ntohs(address.sin_port) << "'" << std::endl;
  while (!listener.is_ready(kPatienceMs))
    if (Guest::interrupted()) return -1;
  return accept(listener.handle(), nullptr, nullptr);
}

// In slices: a Ctrl-C between two of them is not lost.
mpic::RunResult run_on(mpic::Core& core) {
  mpic::RunResult result;
  do result = core.run(1 << 24);
  while (result.reason == mpic::StopReason::kLimit && !Guest::interrupted());
  if (result.reason == mpic::StopReason::kLimit) result.reason = mpic::StopReason::kInterrupt;
  return result;
}

}  // namespace

mpic::RunResult debug(mpic::Core& core, int port, const std::string& program) {
  mpic::RunResult left;
  left.reason = mpic::StopReason::kInterrupt;
  const int handle = accept_one(port, program);
  if (handle < 0) return left;
  const Socket socket(handle);
  const int yes = 1;
  setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  Wire wire(socket);
  mpic::GdbStub stub(core, [&] { return wire.stop_asked(); });
  while (const std::optional<std::string> packet = wire.next()) {
    const std::string answer = stub.answer(*packet);
    if (stub.session() == mpic::GdbStub::Session::kKilled) return stub.ended() ? stub.result() : left;
    wire.send(answer);
    if (*packet == "QStartNoAckMode") wire.stop_acknowledging();
    if (stub.session() == mpic::GdbStub::Session::kDetached) return stub.ended() ? stub.result() : run_on(core);
    if (Guest::interrupted()) return left;
  }
  return stub.ended() ? stub.result() : left;
}

}  // namespace bitloom
