internal import CModbus
