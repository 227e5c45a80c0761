// A meter made with libmodbus: unit 1, input registers 0..., a few of them floats as an SDM630 shows them.
//
//   libmodbus_meter rtu PATH | tcp PORT
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(modbus_mapping_t *map, int at, unsigned high, unsigned low) {
  map->tab_input_registers[at] = high;
  map->tab_input_registers[at + 1] = low;
}

int main(int count, char **arguments) {
  if (count != 3) return 64;
  int serial = strcmp(arguments[1], "rtu") == 0;
  modbus_t *context =
    serial ? modbus_new_rtu(arguments[2], 9600, 'N', 8, 1) : modbus_new_tcp("127.0.0.1", atoi(arguments[2]));
  modbus_mapping_t *map = modbus_mapping_new(0, 0, 0, 100);
  if (context == NULL || map == NULL) return 70;
  put(map, 0x00, 0x4366, 0x3334);  // 230.2 V
  put(map, 0x02, 0x4365, 0xE666);  // 229.9 V
  put(map, 0x46, 0x4248, 0x0000);  // 50 Hz
  put(map, 0x48, 0x449A, 0x522B);  // 1234.5677 kWh
  modbus_set_slave(context, 1);
  int listener = -1;
  if (serial ? modbus_connect(context) != 0 : (listener = modbus_tcp_listen(context, 1)) < 0) return 74;
  puts("ready");
  fflush(stdout);
  for (;;) {
    if (!serial && modbus_tcp_accept(context, &listener) < 0) return 74;
    for (;;) {
      unsigned char request[MODBUS_TCP_MAX_ADU_LENGTH];
      int length = modbus_receive(context, request);
      if (length > 0) modbus_reply(context, request, length, map);
      if (length < 0 && (errno == EIO || (!serial && errno == ECONNRESET))) break;
    }
    if (serial) return 74;
    modbus_close(context);
  }
}
