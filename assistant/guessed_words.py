"""Words that passwords are made of all over the world: guessers try them first, zxcvbn knows English only."""

from __future__ import annotations

# "password", "secret" and greetings; sentences that everybody knows; rows of keys; calendars.
GUESSED_WORDS = tuple(
    """
    password passwort kennwort motdepasse contraseña clave senha parola haslo hasło heslo wachtwoord
    salasana lösenord adgangskode jelszo jelszó şifre sifre пароль парол κωδικός 密码 密碼 パスワード 비밀번호
    geheim secret welcome willkommen bienvenue bienvenido benvenuto hallo bonjour letmein changeme
    привет любовь schatz iloveyou jetaime tequiero
    correcthorsebatterystaple thequickbrownfoxjumpsoverthelazydog thequickbrownfox tobeornottobe
    thatisthequestion loremipsumdolorsitamet loremipsum maytheforcebewithyou onceuponatime
    itwasthebestoftimes callmeishmael happybirthday merrychristmas
    qwertyuiop asdfghjkl zxcvbnm qwertzuiop yxcvbnm azertyuiop qsdfghjklm wxcvbn
    january february march april june july august september october november december
    januar februar märz juni juli oktober dezember
    janvier février mars avril juin juillet août septembre octobre novembre décembre
    enero febrero marzo abril junio julio agosto septiembre octubre noviembre diciembre
    январь февраль март апрель июнь июль август сентябрь октябрь ноябрь декабрь
    monday tuesday wednesday thursday friday saturday sunday
    montag dienstag mittwoch donnerstag freitag samstag sonntag
    lundi mardi mercredi jeudi vendredi samedi dimanche
    lunes martes miércoles jueves viernes sábado domingo
    spring summer autumn winter frühling fruehling sommer herbst printemps automne
    primavera verano otoño invierno весна лето осень зима
    """.split()
)
