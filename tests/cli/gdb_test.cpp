// `run --gdb`: the wire, and a session of GDB itself where it is installed.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "core/io.h"
#include "tests/support/program.h"

namespace bitloom {
namespace {

using testing::Program;
using testing::TempFolder;

constexpr const char* kSum =
    "        .globl _start\n"
    "_start: li a0, 0\n"
    "        li a1, 3\n"
    "loop:   add a0, a0, a1\n"
    "        addi a1, a1, -1\n"
    "        bnez a1, loop\n"
    "        lui t0, 0x80001\n"
    "        sw a0, 0(t0)\n"
    "        li a7, 93\n"
    "        ecall\n";
constexpr const char* kForever = "_start: j _start\n";

// A debugged program, and the port that it says it waits on.
class Debugged {
 public:
  explicit Debugged(const char* source) : program_(save(source), "run program.s --gdb 0 2>said") {
    const std::string said = folder_ / "said";
    for (std::string line; program_.running() && port_ == 0; usleep(1000)) {
      if (!file_exists(said)) continue;
      line = read_text(said);
      if (const size_t at = line.find("127.0.0.1:"); at != std::string::npos && line.back() == '\n')
        port_ = std::atoi(line.c_str() + at + 10);
    }
  }
  int port() const { return port_; }
  const TempFolder& folder() const { return folder_; }
  Program& program() { return program_; }

 private:
  const std::string& save(const char* source) {
    std::ofstream(folder_ / "program.s") << source;
    return folder_.path();
  }
  const TempFolder folder_;
  Program program_;
  int port_ = 0;
};

class Client {
 public:
  explicit Client(int port) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { close(socket_); }
  void try_to_send(const std::string& bytes) { (void)!::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  void send(const std::string& bytes) {
    EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), ssize_t(bytes.size()));
  }
  // What comes until a packet has ended, or nothing more does.
  std::string receive() {
    std::string all;
    for (char byte; all.size() < 3 || all[all.size() - 3] != '#'; all += byte)
      if (recv(socket_, &byte, 1, 0) != 1) break;
    return all;
  }

 private:
  const int socket_;
};

TEST(GdbServer, PacketsAreAcknowledgedAndFaultyOnesAskedForAgain) {
  Debugged debugged(kSum);
  Client client(debugged.port());
  client.send("+$?#3f");
  EXPECT_EQ(client.receive(), "+$S05#b8");
  client.send("noise$?#00");
  client.send("$?#3f");
  EXPECT_EQ(client.receive(), "-+$S05#b8");
  client.send("$QStartNoAckMode#b0$?#3f");
  EXPECT_EQ(client.receive(), "+$OK#9a");
  EXPECT_EQ(client.receive(), "$S05#b8");
  client.send("$c#63");
  EXPECT_EQ(client.receive(), "$W06#bd");
  client.send("$k#6b");
  EXPECT_EQ(debugged.program().wait().code, 6);
}

TEST(GdbServer, CtrlCStopsAndAProgramThatIsLetGoRunsOn) {
  Debugged debugged(kForever);
  {
    Client client(debugged.port());
    client.send("$c#63");
    client.send("\x03");
    EXPECT_EQ(client.receive(), "+$S02#b5");
    client.send("$D#44");
    EXPECT_EQ(client.receive(), "+$OK#9a");
  }
  EXPECT_TRUE(debugged.program().running());
  debugged.program().signal(SIGINT);
  EXPECT_EQ(debugged.program().wait().code, 130);
}

TEST(GdbServer, ADebuggerThatIsGoneEndsTheProgram) {
  Debugged running(kForever);
  { Client(running.port()).send("$c#63"); }
  EXPECT_EQ(running.program().wait().code, 130);
  Debugged endless(kForever);
  Client client(endless.port());
  client.try_to_send("$" + std::string(200000, 'x'));
  EXPECT_EQ(endless.program().wait().code, 130);
}

TEST(GdbServer, WaitingEndsAtCtrlCAndATakenPortIsSaid) {
  Debugged waiting(kForever);
  const auto second = testing::run_program(waiting.folder().path(), "run program.s --gdb " + std::to_string(waiting.port()));
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.err.find("cannot wait on 127.0.0.1: Address already in use; --gdb 0 takes a free port\n"), std::string::npos)
      << second.err;
  waiting.program().signal(SIGINT);
  EXPECT_EQ(waiting.program().wait().code, 130);
  EXPECT_EQ(testing::run_program(waiting.folder().path(), "run program.s --gdb 70000").code, 2);
}

TEST(GdbServer, GdbBreaksStepsWatchesAndChanges) {
  if (std::system("command -v gdb-multiarch >/dev/null") != 0) GTEST_SKIP() << "gdb-multiarch is not installed";
  Debugged debugged(kSum);
  const TempFolder& folder = debugged.folder();
  std::ofstream(folder / "session") << "set confirm off\nset pagination off\ntarget remote 127.0.0.1:" << debugged.port() << R"(
break *0x80000008
continue
stepi
printf "a0 is %d, pc is %x\n", $a0, $pc
set var $a0 = 100
delete
watch *(int *)0x80001000
continue
)";
  std::ofstream(folder / "ends") << R"(
printf "total is %d after %d instructions, misa %x\n", *(int *)0x80001000, $minstret, $misa
monitor counters
continue
)";
  const std::string command = str("cd ", folder.path(), " && timeout 60 gdb-multiarch -nx -batch -x session -x ends >log 2>&1");
  EXPECT_EQ(std::system(command.c_str()), 0);
  const std::string log = read_text(folder / "log");
  EXPECT_NE(log.find("a0 is 3"), std::string::npos) << log;
  EXPECT_NE(log.find("Hardware watchpoint 2"), std::string::npos) << log;
  EXPECT_NE(log.find("New value = 103"), std::string::npos) << log;
  EXPECT_NE(log.find("misa 40801104"), std::string::npos) << log;
  EXPECT_NE(log.find("exited with code 0147"), std::string::npos) << log;
  EXPECT_EQ(debugged.program().wait().code, 103);
}

}  // namespace
}  // namespace bitloom
