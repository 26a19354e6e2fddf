# ruff: noqa: N815  (the names are those of the USB specification)

from array import array
from collections.abc import Iterable
from typing import Any, Protocol

from usb._objfinalizer import AutoFinalizedObject

class Device(Protocol):
    def finalize(self) -> Any: ...

class DeviceDescriptor(Protocol):
    idVendor: int
    idProduct: int
    iManufacturer: int
    iProduct: int
    iSerialNumber: int
    bus: int
    address: int
    port_numbers: tuple[int, ...] | None

class ConfigurationDescriptor(Protocol):
    bNumInterfaces: int

class InterfaceDescriptor(Protocol):
    bInterfaceNumber: int
    bInterfaceClass: int
    bNumEndpoints: int

class EndpointDescriptor(Protocol):
    bEndpointAddress: int
    bmAttributes: int
    wMaxPacketSize: int
    bInterval: int

class IBackend(AutoFinalizedObject):
    def enumerate_devices(self) -> Iterable[Device]: ...
    def get_device_descriptor(self, dev: Device) -> DeviceDescriptor: ...
    def get_configuration_descriptor(self, dev: Device, config: int) -> ConfigurationDescriptor: ...
    def get_interface_descriptor(
        self, dev: Device, intf: int, alt: int, config: int
    ) -> InterfaceDescriptor: ...
    def get_endpoint_descriptor(
        self, dev: Device, ep: int, intf: int, alt: int, config: int
    ) -> EndpointDescriptor: ...
    def open_device(self, dev: Device) -> object: ...
    def close_device(self, dev_handle: object) -> None: ...
    def claim_interface(self, dev_handle: object, intf: int) -> None: ...
    def release_interface(self, dev_handle: object, intf: int) -> None: ...
    def intr_read(
        self, dev_handle: object, ep: int, intf: int, buff: array[int], timeout: int
    ) -> int: ...
    def ctrl_transfer(
        self,
        dev_handle: object,
        request_type: int,
        request: int,
        value: int,
        index: int,
        data: array[int],
        timeout: int,
        /,
    ) -> int: ...
    def clear_halt(self, dev_handle: object, ep: int) -> None: ...
    def reset_device(self, dev_handle: object) -> None: ...
    def is_kernel_driver_active(self, dev_handle: object, intf: int) -> bool: ...
    def detach_kernel_driver(self, dev_handle: object, intf: int) -> None: ...
    def attach_kernel_driver(self, dev_handle: object, intf: int) -> None: ...
