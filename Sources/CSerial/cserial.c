#define _GNU_SOURCE
#include "CSerial.h"
#include "poll_until.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const struct { uint32_t baud; speed_t speed; } rates[] = {
  {300, B300},     {600, B600},     {1200, B1200},   {2400, B2400},   {4800, B4800},
  {9600, B9600},   {19200, B19200}, {38400, B38400}, {57600, B57600}, {115200, B115200},
  {230400, B230400}, {460800, B460800}, {921600, B921600},
};

static bool speed_of(uint32_t baud, speed_t *speed) {
  for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
    if (rates[i].baud == baud) { *speed = rates[i].speed; return true; }
  return false;
}

static int open_terminal(const char *path, int access) {
  int descriptor = open(path, access | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return -errno;
  if (!isatty(descriptor)) { close(descriptor); return -ENOTTY; }
  return descriptor;
}

int cserial_open(const char *path) { return open_terminal(path, O_RDWR); }

int cserial_open_to_listen(const char *path) { return open_terminal(path, O_RDONLY); }

int cserial_control_flags(const struct cserial_settings *settings, uint32_t *cflag, uint32_t *iflag, uint32_t *speed) {
  speed_t rate;
  if (!speed_of(settings->baud, &rate)) return -EINVAL;
  uint32_t control = CREAD | CLOCAL, input = 0;
  switch (settings->data_bits) {
    case 7: control |= CS7; break;
    case 8: control |= CS8; break;
    default: return -EINVAL;
  }
  switch (settings->parity) {
    case 'N': break;
    // A character with bad parity is marked FF 00 xx, so that its frame can be thrown away.
    case 'E': control |= PARENB; input |= INPCK | PARMRK; break;
    case 'O': control |= PARENB | PARODD; input |= INPCK | PARMRK; break;
    default: return -EINVAL;
  }
  if (settings->stop_bits == 2) control |= CSTOPB;
  else if (settings->stop_bits != 1) return -EINVAL;
  *cflag = control;
  *iflag = input;
  *speed = rate;
  return 0;
}

bool cserial_is_pseudo_terminal(int descriptor) {
  struct stat status;
  // Major numbers 136 to 143 are Unix98 pseudo-terminal devices (Linux, Documentation/admin-guide/devices.txt).
  return fstat(descriptor, &status) == 0 && S_ISCHR(status.st_mode) && major(status.st_rdev) >= 136 &&
         major(status.st_rdev) <= 143;
}

int cserial_tune(int descriptor, const struct cserial_settings *settings, uint32_t *refused) {
  uint32_t cflag, iflag, speed;
  int result = cserial_control_flags(settings, &cflag, &iflag, &speed);
  if (result < 0) return result;
  *refused = 0;
  struct termios wanted;
  if (tcgetattr(descriptor, &wanted) < 0) return -errno;
  cfmakeraw(&wanted);
  // A pty keeps no parity, so it can mark none: with PARMRK set a good FF would still arrive doubled.
  bool pseudo = cserial_is_pseudo_terminal(descriptor);
  wanted.c_iflag = pseudo ? 0 : iflag;
  wanted.c_cflag = cflag;
  // One byte at least, so that a read of 0 means that the other end is gone.
  wanted.c_cc[VMIN] = 1;
  wanted.c_cc[VTIME] = 0;
  cfsetispeed(&wanted, speed);
  cfsetospeed(&wanted, speed);
  // A pty answers EINVAL when a change asks only for what it cannot keep; the reading back decides.
  if (tcsetattr(descriptor, TCSANOW, &wanted) < 0 && !(errno == EINVAL && pseudo)) return -errno;
  struct termios got;
  if (tcgetattr(descriptor, &got) < 0) return -errno;
  if ((got.c_cflag & (PARENB | PARODD | CSIZE)) != (wanted.c_cflag & (PARENB | PARODD | CSIZE))) *refused |= 1;
  if (cfgetispeed(&got) != speed || cfgetospeed(&got) != speed) *refused |= 2;
  if ((got.c_cflag & CSTOPB) != (wanted.c_cflag & CSTOPB)) *refused |= 4;
  if (pseudo) *refused &= ~1u;
  return *refused == 0 ? 0 : -EINVAL;
}

int cserial_lock(int descriptor) {
  if (ioctl(descriptor, TIOCEXCL) < 0 && errno != ENOTTY && errno != EINVAL) return -errno;
  if (flock(descriptor, LOCK_EX | LOCK_NB) < 0) return errno == EWOULDBLOCK ? -EBUSY : -errno;
  return 0;
}

int cserial_drain(int descriptor) {
  while (tcdrain(descriptor) < 0)
    if (errno != EINTR) return errno == ENOTTY || errno == EINVAL ? 0 : -errno;
  return 0;
}

int cserial_pseudo_terminal(int *controller, int *device, char *path, size_t size) {
  if (openpty(controller, device, NULL, NULL, NULL) < 0) return -errno;
  struct termios raw;
  if (tcgetattr(*device, &raw) == 0) {
    cfmakeraw(&raw);
    tcsetattr(*device, TCSANOW, &raw);
  }
  fcntl(*controller, F_SETFD, FD_CLOEXEC);
  fcntl(*device, F_SETFD, FD_CLOEXEC);
  fcntl(*controller, F_SETFL, fcntl(*controller, F_GETFL) | O_NONBLOCK);
  int result = ttyname_r(*device, path, size);
  if (result != 0) { close(*controller); close(*device); return -result; }
  return 0;
}

int cserial_connect(const char *host, const char *port, int timeout_ms) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
  if (getaddrinfo(host, port, &hints, &found) != 0) return -EHOSTUNREACH;
  int result = -ECONNREFUSED;
  for (struct addrinfo *each = found; each; each = each->ai_next) {
    int descriptor = socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, each->ai_protocol);
    if (descriptor < 0) { result = -errno; continue; }
    int failed = connect(descriptor, each->ai_addr, each->ai_addrlen) < 0 ? errno : 0;
    if (failed == EINPROGRESS) {
      struct pollfd waiting = {.fd = descriptor, .events = POLLOUT};
      int ready = poll(&waiting, 1, timeout_ms);
      socklen_t length = sizeof failed;
      if (ready == 0) failed = ETIMEDOUT;
      else if (ready < 0 || getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failed, &length) < 0) failed = errno;
    }
    if (failed == 0) {
      int on = 1;
      setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
      // A server that is switched off says no goodbye: ask after 10 s of quiet, and give up 10 s after bytes that
      // nobody acknowledges.
      int idle = 10, between = 5, probes = 2;
      unsigned unacknowledged_ms = 10000;
      setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
      setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof between);
      setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
      setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
      result = descriptor;
      break;
    }
    close(descriptor);
    result = -failed;
  }
  freeaddrinfo(found);
  return result;
}

static int64_t clock_nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t cserial_boot_nanoseconds(void) { return clock_nanoseconds(CLOCK_BOOTTIME); }
int64_t cserial_unix_milliseconds(void) { return clock_nanoseconds(CLOCK_REALTIME) / 1000000; }

bool cserial_clock_synchronised(void) {
  struct timex state = {0};
  if (adjtimex(&state) >= 0) return !(state.status & STA_UNSYNC);
  // A hardened unit forbids the call, even for asking. systemd-timesyncd leaves this mark once it has set the clock.
  return access("/run/systemd/timesync/synchronized", F_OK) == 0;
}

void cserial_sleep_until(int64_t boot_nanoseconds) {
  struct timespec until = {boot_nanoseconds / 1000000000, boot_nanoseconds % 1000000000};
  // CLOCK_MONOTONIC stands still in suspend; the boot clock wakes late rather than never.
  while (clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, NULL) == EINTR) {}
}

int cserial_start_thread(const char *name, void *(*body)(void *), void *argument) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  // SQLite, libmodbus and the Swift runtime's own frames fit into this with room to spare.
  pthread_attr_setstacksize(&attributes, 512 * 1024);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  int result = pthread_create(&thread, &attributes, body, argument);
  pthread_attr_destroy(&attributes);
  if (result != 0) return -result;
  char cut[16] = {0};
  strncpy(cut, name, sizeof cut - 1);
  pthread_setname_np(thread, cut);
  return 0;
}

int cserial_poll_until(struct pollfd *polled, nfds_t count, int64_t boot_nanoseconds) {
  for (;;) {
    int64_t left = boot_nanoseconds - cserial_boot_nanoseconds();
    if (left < 0) left = 0;
    struct timespec timeout = {left / 1000000000, left % 1000000000};
    int ready = ppoll(polled, count, &timeout, NULL);
    if (ready >= 0) return ready;
    if (errno != EINTR) return -errno;
  }
}

int cserial_wait_readable(int descriptor, int64_t until) {
  struct pollfd waiting = {.fd = descriptor, .events = POLLIN};
  int ready = cserial_poll_until(&waiting, 1, until);
  return ready > 0 ? (waiting.revents & POLLIN ? 1 : -EIO) : ready;
}

int cserial_read(int descriptor, uint8_t *bytes, int capacity) {
  for (;;) {
    ssize_t count = read(descriptor, bytes, (size_t)capacity);
    if (count > 0) return (int)count;
    if (count == 0) return -EIO;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return -errno;
  }
}

int cserial_write(int descriptor, const uint8_t *bytes, int count, int64_t until) {
  int done = 0;
  while (done < count) {
    ssize_t written = write(descriptor, bytes + done, (size_t)(count - done));
    if (written >= 0) { done += (int)written; continue; }
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EWOULDBLOCK) return -errno;
    int64_t left = until - cserial_boot_nanoseconds();
    if (left <= 0) return -ETIMEDOUT;
    struct pollfd waiting = {.fd = descriptor, .events = POLLOUT};
    if (poll(&waiting, 1, (int)(left / 1000000) + 1) < 0 && errno != EINTR) return -errno;
  }
  return done;
}

void cserial_close(int descriptor) { close(descriptor); }

int cserial_doorbell(void) {
  int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return descriptor < 0 ? -errno : descriptor;
}

void cserial_ring(int doorbell) {
  uint64_t one = 1;
  ssize_t ignored = write(doorbell, &one, sizeof one);
  (void)ignored;
}

int cserial_wait_doorbell(int doorbell, int64_t until) {
  int rang = cserial_wait_readable(doorbell, until);
  uint64_t count;
  if (rang == 1 && read(doorbell, &count, sizeof count) < 0) return 0;
  return rang == 1;
}

int cserial_notify(const char *socket_name, const char *message) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(socket_name);
  if (length == 0 || length >= sizeof address.sun_path) return -EINVAL;
  memcpy(address.sun_path, socket_name, length);
  if (address.sun_path[0] == '@') address.sun_path[0] = 0;
  int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  ssize_t sent = sendto(descriptor, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&address,
                        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
  int result = sent < 0 ? -errno : 0;
  close(descriptor);
  return result;
}
