"""The GSM-7 alphabets and the lengths of segments: 3GPP TS 23.038 and TS 23.040."""

GSM7 = "GSM-7"
UCS2 = "UCS-2"

GSM7_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = "\f^{}\\[~]|€"

SINGLE_LENGTH = {GSM7: 160, UCS2: 70}
PART_LENGTH = {GSM7: 153, UCS2: 67}
