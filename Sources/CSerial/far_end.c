#define _GNU_SOURCE
#include "CSerial.h"
#include "poll_until.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

int cserial_wait_any(const int *descriptors, size_t count, int64_t boot_nanoseconds) {
  struct pollfd polled[8];
  if (count > 8) return -EINVAL;
  for (size_t i = 0; i < count; i++) polled[i] = (struct pollfd){.fd = descriptors[i], .events = POLLIN};
  int ready = cserial_poll_until(polled, count, boot_nanoseconds);
  if (ready < 0) return ready;
  int mask = 0;
  for (size_t i = 0; i < count; i++)
    if (polled[i].revents) mask |= 1 << i;
  return mask;
}

int cserial_baud(int descriptor) {
  static const struct { speed_t speed; int baud; } rates[] = {
    {B300, 300},       {B600, 600},       {B1200, 1200},     {B2400, 2400},     {B4800, 4800},
    {B9600, 9600},     {B19200, 19200},   {B38400, 38400},   {B57600, 57600},   {B115200, 115200},
    {B230400, 230400}, {B460800, 460800}, {B921600, 921600},
  };
  struct termios set;
  if (tcgetattr(descriptor, &set) < 0) return -errno;
  speed_t speed = cfgetospeed(&set);
  for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
    if (rates[i].speed == speed) return rates[i].baud;
  return -EINVAL;
}

int cserial_bell(int bell[2]) { return pipe2(bell, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0; }

int cserial_listen_local(uint16_t port, uint16_t *bound) {
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return -errno;
  int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {
    .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  if (bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0 || listen(descriptor, 4) < 0 ||
      getsockname(descriptor, (struct sockaddr *)&address, &length) < 0) {
    int failed = errno;
    close(descriptor);
    return -failed;
  }
  *bound = ntohs(address.sin_port);
  return descriptor;
}

int cserial_accept(int listener) {
  int descriptor = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
  int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return descriptor;
}

int cserial_point_link(const char *link, const char *target) {
  struct stat status;
  if (lstat(link, &status) == 0 && !S_ISLNK(status.st_mode)) return -EEXIST;
  char fresh[PATH_MAX];
  if (snprintf(fresh, sizeof fresh, "%s.new", link) >= (int)sizeof fresh) return -ENAMETOOLONG;
  unlink(fresh);
  if (symlink(target, fresh) < 0) return -errno;
  if (rename(fresh, link) < 0) {
    int failed = errno;
    unlink(fresh);
    return -failed;
  }
  return 0;
}
